using System.Buffers.Binary;

namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>
/// A program freezes its arena, as before a planned kexec, and writes on until the kernel is gone. Under the next one
/// the arena is thawed, and every write is there that the host had heard of.
/// </summary>
internal sealed class ArenaFrozen : Scenario
{
    private const int TellEvery = 200;
    private const long WritesBeforeTheEnd = 12_000; // The host has heard of 10,000 by then.

    public override void Run(Stage stage)
    {
        using PersistentArena arena = PersistentArena.OpenOrCreate(new ArenaOptions { Directory = Place.Open(stage) });
        using PersistentRegion region = arena.OpenOrCreateRegion("heap", 64 << 20,
            new RegionOptions { Kind = RegionKind.Heap });
        PersistentHeap heap = PersistentHeap.Open(region);
        PersistentDictionary keys = PersistentDictionary.OpenOrCreate(heap, "keys");
        if (stage.Number == 0)
        {
            stage.LoadNext();
            arena.Freeze();
            Write(stage, keys);
        }

        stage.Host.Tell("attach", $"{arena.AttachReport.Kind}");
        foreach (AttachReason reason in arena.AttachReport.Reasons)
        {
            stage.Host.Tell("reason", $"{reason}");
        }

        long acknowledged = stage.Host.AskNumber("acknowledged");
        Span<byte> key = stackalloc byte[sizeof(long)];
        for (long i = 0; i < keys.Count; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(key, i);
            byte[]? value = keys.Get(key);
            Stage.Check(value is not null && value.AsSpan().SequenceEqual(Value(i)),
                $"write {i} of {keys.Count} is {(value is null ? "lost" : "wrong")}");
        }

        Stage.Check(keys.Count >= acknowledged, $"{acknowledged} writes were acknowledged, {keys.Count} are there");
        CheckSnapshot(heap, keys);
        stage.Host.Tell("right", $"{keys.Count}");
        arena.CreateRegion("thawed", 2 << 20).Dispose();
    }

    /// <summary>Of guestmemfs' pages, which have no private mappings.</summary>
    private static void CheckSnapshot(PersistentHeap heap, PersistentDictionary keys)
    {
        using PersistentSnapshot snapshot = heap.TakeSnapshot();
        PersistentDictionary then = PersistentDictionary.OpenOrCreate(snapshot.Heap, "keys");
        byte[] key = new byte[sizeof(long)];
        for (long i = 0; i < keys.Count; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(key, i);
            keys.Set(key, "changed"u8);
        }

        for (long i = 0; i < keys.Count; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(key, i);
            Stage.Check(then.Get(key) is { } value && value.AsSpan().SequenceEqual(Value(i))
                && keys.Get(key).AsSpan().SequenceEqual("changed"u8), $"write {i} is wrong in or beside a snapshot");
        }

        Stage.Check(snapshot is { IsLost: false, CopiedBytes: > 0 }, $"the snapshot kept {snapshot.CopiedBytes} bytes");
    }

    private static void Write(Stage stage, PersistentDictionary keys)
    {
        Span<byte> key = stackalloc byte[sizeof(long)];
        for (long i = 0; ; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(key, i);
            keys.Set(key, Value(i));
            if ((i + 1) % TellEvery == 0)
            {
                stage.Host.Tell("acknowledged", $"{i + 1}");
            }

            if (i == WritesBeforeTheEnd)
            {
                new Thread(Kexec.Enter) { IsBackground = true }.Start();
            }
        }
    }

    private static byte[] Value(long i)
    {
        var value = new byte[32 + (i % 64)];
        new Random((int)i).NextBytes(value);
        return value;
    }
}
