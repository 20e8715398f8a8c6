using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;

namespace GuestMemFs.HotPaths;

/// <summary>
/// A dictionary in a process of its own, which does what its standard input asks for, a line at a time: <c>operation
/// threads count seed</c>. The answer is the processor time of all threads together, in nanoseconds.
/// </summary>
internal sealed partial class DictionaryWorker
{
    private const int ValueLength = 100;
    private const int Counters = 100_000;
    private const int ThreadProcessorTime = 3;
    private readonly PersistentDictionary _dictionary;
    private readonly int _keys;

    private DictionaryWorker(PersistentDictionary dictionary, int keys)
    {
        _dictionary = dictionary;
        _keys = keys;
    }

    public static int Serve(string directory, int keys)
    {
        using PersistentArena arena = PersistentArena.OpenOrCreate(new ArenaOptions { Directory = directory });
        PersistentRegion region = arena.OpenOrCreateRegion("heap", (64L << 20) + (keys * 512L),
            new RegionOptions { Kind = RegionKind.Heap });
        var worker = new DictionaryWorker(PersistentDictionary.OpenOrCreate(PersistentHeap.Open(region), "keys"), keys);
        worker.Fill();
        Console.WriteLine("ready");
        while (Console.ReadLine() is { Length: > 0 } line)
        {
            string[] words = line.Split(' ');
            Console.WriteLine(worker.Run(words[0], int.Parse(words[1], null), int.Parse(words[2], null),
                ulong.Parse(words[3], null)).ToString(CultureInfo.InvariantCulture));
        }

        return 0;
    }

    private void Fill()
    {
        Span<byte> key = stackalloc byte[16];
        Span<byte> value = stackalloc byte[ValueLength];
        for (int i = 0; i < _keys; i++)
        {
            Key(key, (ulong)i, 0);
            value.Fill((byte)i);
            _dictionary.Set(key, value);
        }

        for (int i = 0; i < Counters; i++)
        {
            Key(key, (ulong)i, 1);
            _dictionary.Increment(key);
        }
    }

    private long Run(string operation, int threads, int count, ulong seed)
    {
        Action<int, ulong> work = operation switch
        {
            "get" => Get,
            "set" => Set,
            "increment" => Increment,
            "remove+set" => RemoveAndSet,
            _ => throw new ArgumentException($"There is no operation '{operation}'.", nameof(operation)),
        };
        long time = 0;
        Thread[] all = [.. Enumerable.Range(0, threads).Select(t => new Thread(() =>
        {
            long start = ProcessorTime();
            work(count, (seed * 2654435761) + (ulong)t + 1);
            Interlocked.Add(ref time, ProcessorTime() - start);
        }))];
        Array.ForEach(all, thread => thread.Start());
        Array.ForEach(all, thread => thread.Join());
        return time;
    }

    private void Get(int count, ulong seed)
    {
        Span<byte> key = stackalloc byte[16];
        var reader = new Copy { Target = stackalloc byte[ValueLength] };
        for (int i = 0; i < count; i++)
        {
            Key(key, Next(ref seed) % (ulong)_keys, 0);
            if (!_dictionary.TryRead(key, ref reader))
            {
                throw new InvalidOperationException("A key is missing.");
            }
        }
    }

    private void Set(int count, ulong seed)
    {
        Span<byte> key = stackalloc byte[16];
        Span<byte> value = stackalloc byte[ValueLength];
        for (int i = 0; i < count; i++)
        {
            Key(key, Next(ref seed) % (ulong)_keys, 0);
            _dictionary.Set(key, value);
        }
    }

    private void Increment(int count, ulong seed)
    {
        Span<byte> key = stackalloc byte[16];
        for (int i = 0; i < count; i++)
        {
            Key(key, Next(ref seed) % Counters, 1);
            _dictionary.Increment(key);
        }
    }

    private void RemoveAndSet(int count, ulong seed)
    {
        Span<byte> key = stackalloc byte[16];
        Span<byte> value = stackalloc byte[ValueLength];
        for (int i = 0; i < count; i++)
        {
            Key(key, Next(ref seed) % (ulong)_keys, 0);
            _dictionary.Remove(key);
            _dictionary.Set(key, value);
        }
    }

    private static void Key(Span<byte> key, ulong index, ulong kind)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(key, kind);
        BinaryPrimitives.WriteUInt64LittleEndian(key[8..], index);
    }

    private static ulong Next(ref ulong state)
    {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return state;
    }

    private static long ProcessorTime()
    {
        GetTime(ThreadProcessorTime, out TimeSpec time);
        return (time.Seconds * 1_000_000_000) + time.Nanoseconds;
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, out TimeSpec time);

    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    private ref struct Copy : IRecordReader
    {
        public Span<byte> Target;

        public readonly void Read(in RecordView record) => record.Value.CopyTo(Target);
    }
}
