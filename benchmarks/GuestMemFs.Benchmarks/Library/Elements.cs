using System.Globalization;

namespace GuestMemFs.Benchmarks.Library;

/// <summary>
/// Lists, sets and queues beside .NET's with a lock, and bytes that are appended to: they take turns, one thread.
/// Processor time, so that what else runs on the machine counts less.
/// </summary>
internal static class Elements
{
    private const int Rounds = 7;
    private const int Count = 200_000;

    /// <summary>Prints a line for each pair.</summary>
    public static void Run(TextWriter output)
    {
        using var place = new Place();
        output.WriteLine($"{Count:N0} elements of 16 bytes; ns of processor time a call, median of {Rounds}");
        Lists(place.Heap, output);
        Sets(place.Heap, output);
        Queues(place.Heap, output);
        Appends(place.Heap, output);
    }

    private static void Lists(PersistentHeap heap, TextWriter output)
    {
        PersistentList list = PersistentList.OpenOrCreate(heap, "list");
        LinkedList<byte[]> plain = [];
        Lock gate = new();
        Pair("list, add last", output,
            i => list.AddLast(Element(i)),
            i =>
            {
                lock (gate)
                {
                    plain.AddLast(Element(i));
                }
            },
            () =>
            {
                list.Clear();
                plain.Clear();
            });
        Fill(list, plain);
        Pair("list, remove first and add last", output,
            i =>
            {
                list.TryRemoveFirst(out _);
                list.AddLast(Element(i));
            },
            i =>
            {
                lock (gate)
                {
                    plain.RemoveFirst();
                    plain.AddLast(Element(i));
                }
            });
        Random random = new(3);
        Pair("list, get in the middle (a List by index)", output,
            _ => list.Get(random.Next(Count)), PlainIndex(plain, random));
    }

    private static Action<int> PlainIndex(LinkedList<byte[]> plain, Random random)
    {
        List<byte[]> copy = [.. plain];
        return _ => copy[random.Next(Count)].AsSpan().ToArray();
    }

    private static void Fill(PersistentList list, LinkedList<byte[]> plain)
    {
        for (int i = 0; i < Count; i++)
        {
            list.AddLast(Element(i));
            plain.AddLast(Element(i));
        }
    }

    private static void Sets(PersistentHeap heap, TextWriter output)
    {
        PersistentSet set = PersistentSet.OpenOrCreate(heap, "set");
        HashSet<string> plain = new(StringComparer.Ordinal);
        Lock gate = new();
        int[] order = [.. Enumerable.Range(0, Count)];
        new Random(4).Shuffle(order);
        string[] texts = [.. order.Select(number => number.ToString("D16", CultureInfo.InvariantCulture))];
        byte[][] bytes = [.. texts.Select(System.Text.Encoding.ASCII.GetBytes)];
        Pair("set, add", output,
            i => set.Add(bytes[i]),
            i =>
            {
                lock (gate)
                {
                    plain.Add(texts[i]);
                }
            },
            () =>
            {
                set.Clear();
                plain.Clear();
            });
        Array.ForEach(bytes, member => set.Add(member));
        plain.UnionWith(texts);
        Pair("set, contains", output,
            i => set.Contains(bytes[i]),
            i =>
            {
                lock (gate)
                {
                    plain.Contains(texts[i]);
                }
            });
    }

    private static void Queues(PersistentHeap heap, TextWriter output)
    {
        PersistentPriorityQueue queue = PersistentPriorityQueue.OpenOrCreate(heap, "queue");
        PriorityQueue<byte[], long> plain = new();
        Lock gate = new();
        Random random = new(5);
        for (int i = 0; i < Count; i++)
        {
            queue.Enqueue(random.Next(), Element(i));
            plain.Enqueue(Element(i), random.Next());
        }

        Pair("priority queue, dequeue and enqueue", output,
            i =>
            {
                queue.TryDequeue(out _);
                queue.Enqueue(random.Next(), Element(i));
            },
            i =>
            {
                lock (gate)
                {
                    plain.Dequeue();
                    plain.Enqueue(Element(i), random.Next());
                }
            });
        Pair("priority queue, lease, complete and enqueue (dequeue and enqueue)", output,
            i =>
            {
                queue.TryLease(TimeSpan.FromHours(1), out QueueLease lease);
                queue.Complete(lease);
                queue.Enqueue(random.Next(), Element(i));
            },
            i =>
            {
                lock (gate)
                {
                    plain.Dequeue();
                    plain.Enqueue(Element(i), random.Next());
                }
            });
    }

    private static void Appends(PersistentHeap heap, TextWriter output)
    {
        PersistentBytes large = PersistentBytes.OpenOrCreate(heap, "large");
        PersistentBytes small = PersistentBytes.OpenOrCreate(heap, "small");
        byte[] piece = new byte[1 << 20];
        for (int i = 0; i < 100; i++)
        {
            large.Append(piece);
        }

        small.Append(piece.AsSpan(0, 10_000));
        Pair("one byte appended to 100 MB (to 10 KB)", output, _ => large.Append([1]), _ => small.Append([1]));
        Random random = new(6);
        byte[] room = new byte[100];
        Pair("100 bytes read from 100 MB (from 10 KB)", output,
            _ => large.Read(random.Next(100 << 20), room), _ => small.Read(random.Next(9_000), room));
    }

    private static byte[] Element(int number)
    {
        byte[] element = new byte[16];
        BitConverter.TryWriteBytes(element, number);
        return element;
    }

    // Ours and theirs in turn; the ratio is the median of the rounds' ratios.
    private static void Pair(
        string name, TextWriter output, Action<int> ours, Action<int> theirs, Action? between = null)
    {
        double[][] times = [new double[Rounds], new double[Rounds], new double[Rounds]];
        for (int round = -1; round < Rounds; round++)
        {
            between?.Invoke();
            double first = Time(ours);
            double second = Time(theirs);
            if (round >= 0)
            {
                (times[0][round], times[1][round], times[2][round]) = (first, second, first / second);
            }
        }

        between?.Invoke();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{name}: {Median(times[0]):N0}, {Median(times[1]):N0}, {Median(times[2]):N1} times"));
    }

    private static double Time(Action<int> call)
    {
        TimeSpan before = Environment.CpuUsage.TotalTime;
        for (int i = 0; i < Count; i++)
        {
            call(i);
        }

        return (Environment.CpuUsage.TotalTime - before).TotalNanoseconds / Count;
    }

    private static double Median(double[] values) => values.Order().ElementAt(values.Length / 2);

    private sealed class Place : IDisposable
    {
        private const long Size = 512L << 20;

        private readonly string _directory = Path.Combine(Settings.Parent, $"gmf-elements-{Guid.NewGuid():N}");
        private readonly PersistentArena _arena;

        public Place()
        {
            Directory.CreateDirectory(_directory);
            _arena = PersistentArena.OpenOrCreate(new ArenaOptions { Directory = _directory, SizeHint = Size });
            Heap = PersistentHeap.Open(
                _arena.OpenOrCreateRegion("data", Size, new RegionOptions { Kind = RegionKind.Heap }));
        }

        public PersistentHeap Heap { get; }

        public void Dispose()
        {
            _arena.Dispose();
            Directory.Delete(_directory, recursive: true);
        }
    }
}
