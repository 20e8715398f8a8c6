using System.Collections.Concurrent;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Collections;

/// <summary>Several threads, and readers of another process, at lists, sets, queues and bytes.</summary>
public sealed class ElementMeetingTests
{
    /// <summary>Whether the reader is of another process.</summary>
    public static TheoryData<bool> Elsewhere => [false, true];

    [Fact]
    public async Task Two_threads_at_both_ends_of_a_list_lose_nothing()
    {
        using PlainSpace space = new(32 << 20);
        PersistentList list = ListTests.Open(space);
        ConcurrentDictionary<int, int> taken = new();

        await Task.WhenAll(Enumerable.Range(0, 3).Select(thread => OwnThread.Begin(() =>
        {
            Random random = new(thread);
            for (int i = 0; i < 6_000; i++)
            {
                byte[] element = BitConverter.GetBytes((thread * 10_000) + i);
                Action<byte[]> add = random.Next(3) switch
                {
                    0 => bytes => list.AddFirst(bytes),
                    1 => bytes => list.AddLast(bytes),
                    _ => bytes => list.Insert(0, bytes),
                };
                add(element);
                if (random.Next(2) == 0 && (random.Next(2) == 0 ? list.TryRemoveFirst(out byte[]? one)
                    : list.TryRemoveLast(out one)))
                {
                    taken.AddOrUpdate(BitConverter.ToInt32(one), 1, (_, count) => count + 1);
                }
            }
        })));

        foreach (byte[] left in ListTests.All(list.Scan()))
        {
            taken.AddOrUpdate(BitConverter.ToInt32(left), 1, (_, count) => count + 1);
        }

        Assert.Equal(18_000, taken.Count);
        Assert.All(taken.Values, count => Assert.Equal(1, count));
        Assert.Empty(HeapVerifier.Verify(list.Heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Consumers_of_a_queue_have_each_entry_once()
    {
        using PlainSpace space = new(32 << 20);
        PersistentPriorityQueue queue = PersistentPriorityQueue.OpenOrCreate(PersistentHeap.Open(space), "queue");
        ConcurrentDictionary<int, int> done = new();
        Task producer = OwnThread.Begin(() =>
        {
            for (int i = 0; i < 4_000; i++)
            {
                queue.Enqueue(i % 7, BitConverter.GetBytes(i));
            }
        });

        Task[] consumers = [.. Enumerable.Range(0, 2).Select(kind => OwnThread.Begin(() =>
        {
            while (done.Count < 4_000)
            {
                QueueEntry entry = default;
                bool isMine = kind == 0 ? queue.TryDequeue(out entry)
                    : queue.TryLease(TimeSpan.FromHours(1), out QueueLease lease)
                        && queue.Complete(lease) && (entry = lease.Entry).Payload is not null;
                if (isMine)
                {
                    done.AddOrUpdate(BitConverter.ToInt32(entry.Payload), 1, (_, count) => count + 1);
                }
            }
        }))];
        await Task.WhenAll([producer, .. consumers]).WaitAsync(TimeSpan.FromMinutes(2),
            TestContext.Current.CancellationToken);

        Assert.All(done.Values, count => Assert.Equal(1, count));
        Assert.Equal((0, 0), (queue.Count, queue.LeasedCount));
        Assert.Empty(HeapVerifier.Verify(queue.Heap, TestContext.Current.CancellationToken));
    }

    [Theory]
    [MemberData(nameof(Elsewhere))]
    public async Task A_reader_sees_whole_elements_beside_a_writer(bool elsewhere)
    {
        using PlainSpace space = new(32 << 20);
        PersistentList list = ListTests.Open(space);
        PersistentBytes bytes = PersistentBytes.OpenOrCreate(list.Heap, "bytes");
        list.AddLast(Element(0));
        bytes.Append(Element(0));
        using PlainSpace beside = space.Reader();
        PersistentList seen = elsewhere ? ListTests.Open(beside) : list;
        PersistentBytes seenBytes = elsewhere ? PersistentBytes.OpenOrCreate(seen.Heap, "bytes") : bytes;
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(
            TestContext.Current.CancellationToken);
        Task<long> reader = OwnThread.Begin(() => Read(seen, seenBytes, ended.Token));
        try
        {
            for (int i = 1; i < 30_000; i++)
            {
                list.AddLast(Element(i));
                if (i > 20)
                {
                    list.TryRemoveFirst(out _);
                }

                bytes.Write(0, Element(i));
            }
        }
        finally
        {
            // Before the memory goes: what fails here is to be seen, and no access to what is unmapped.
            await ended.CancelAsync();
            await reader.ContinueWith(_ => { }, TaskScheduler.Default);
        }

        Assert.True(await reader > 0, "the reader saw nothing");
    }

    private static long Read(PersistentList list, PersistentBytes bytes, CancellationToken ended)
    {
        long looks = 0;
        int last = 0;
        byte[] room = new byte[300];
        do
        {
            // The writer is never without a first and a last element, and they only rise.
            Assert.True(list.TryGetFirst(out byte[]? first));
            Assert.True(list.TryGetLast(out byte[]? end));
            int number = AssertWhole(first!);
            Assert.InRange(number, last, int.MaxValue);
            Assert.InRange(AssertWhole(end!), number, int.MaxValue);
            last = number;
            int before = -1;
            foreach (ReadOnlySpan<byte> element in list)
            {
                int one = AssertWhole(element.ToArray());
                Assert.True(one > before, "out of order");
                before = one;
            }

            int count = bytes.Read(0, room);
            AssertWhole(room.AsSpan(0, count).ToArray());
            looks++;
        }
        while (!ended.IsCancellationRequested);

        return looks;
    }

    // Its first bytes say what all of the others are. All are of one length: bytes are written over.
    private static byte[] Element(int number)
    {
        byte[] element = new byte[200];
        element.AsSpan().Fill((byte)number);
        BitConverter.TryWriteBytes(element, number);
        return element;
    }

    private static int AssertWhole(byte[] element)
    {
        int number = BitConverter.ToInt32(element);
        Assert.Equal(Element(number), element);
        return number;
    }
}
