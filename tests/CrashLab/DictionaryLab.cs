using GuestMemFs.Collections;
using GuestMemFs.Heap;

namespace GuestMemFs.CrashLab;

/// <summary>A dictionary, alone in its heap.</summary>
/// <param name="length">Of the memory, in bytes.</param>
/// <param name="part">Under which name its crash states are counted.</param>
/// <param name="erases">Whether the heap erases: no state may then have a letter of what is not in a record.</param>
/// <param name="checksums">With a checksum in each record.</param>
internal sealed unsafe class DictionaryLab(long length, string part, bool erases = false, bool checksums = false)
    : HeapLab<PersistentDictionary, DictionaryModel>(part, new HeapOptions { Erase = erases }, length)
{
    /// <summary>Blocks that compaction has moved since the last attach of the living memory.</summary>
    public long BlocksMoved => HeapOf(World).GetStatistics().BlocksMoved;

    protected override PersistentDictionary Open(PersistentHeap heap) => PersistentDictionary.OpenOrCreate(
        heap, "keys", new() { TimeProvider = StoppedTime.Instance, Checksums = checksums });

    protected override PersistentHeap HeapOf(PersistentDictionary world) => world.Core.Heap;

    protected override void RequireNow(PersistentDictionary world, LabSpace space)
    {
        Assert.True(world.Core.State.HashesWith(space.Seed), "the hash is not keyed with the arena's seed");
        if (erases)
        {
            RequireErased(space);
        }
    }

    /// <summary>What is no record has no three letters in a row, which keys and values consist of.</summary>
    private static void RequireErased(LabSpace space)
    {
        Span<byte> rest = space.Bytes[..(int)(new HeapFrontier(space).Read() << HeapFormat.PageShift)].ToArray();
        foreach ((long block, long size) in HeapBlocks.Find(space))
        {
            ulong header = *(ulong*)(space.Base + block);
            long taken = RecordFormat.IsRecord(header) ? RecordFormat.Length(header) : size;
            rest.Slice((int)block, (int)taken).Clear();
        }

        rest = rest[(int)(HeapFormat.FirstPage << HeapFormat.PageShift)..];
        for (int at = rest.IndexOfAnyInRange((byte)'a', (byte)'z'), run = 0; at >= 0 && at < rest.Length; at++)
        {
            run = rest[at] is >= (byte)'a' and <= (byte)'z' ? run + 1 : 0;
            Assert.True(run < 3, $"what was deleted is at {at} behind the page table");
            if (run == 0 && rest[at..].IndexOfAnyInRange((byte)'a', (byte)'z') is var next)
            {
                at = next < 0 ? rest.Length : at + next - 1;
            }
        }
    }

    internal sealed class StoppedTime : TimeProvider
    {
        public static StoppedTime Instance { get; } = new();

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(1_000_000);
    }
}
