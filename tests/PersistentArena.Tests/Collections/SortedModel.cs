using System.Text;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Collections;

/// <summary>Byte strings in the order of their bytes.</summary>
internal sealed class BytesOrder : IComparer<byte[]>
{
    public static BytesOrder Instance { get; } = new();

    public int Compare(byte[]? x, byte[]? y) => x.AsSpan().SequenceCompareTo(y);
}

/// <summary>A plain map beside a sorted map: what the one says the other must say.</summary>
internal sealed class SortedModel
{
    public SortedDictionary<byte[], byte[]> Entries { get; } = new(BytesOrder.Instance);

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    public static PersistentSortedMap Open(PlainSpace space, TimeProvider? time = null) =>
        PersistentSortedMap.OpenOrCreate(PersistentHeap.Open(space), "map", time is null ? null
            : new PersistentSortedMapOptions { TimeProvider = time });

    /// <summary>Compares everything, both ways, by rank and by key, and has the heap verified.</summary>
    public void AssertSame(PersistentSortedMap map)
    {
        byte[][] keys = [.. Entries.Keys];
        Assert.Equal(keys.Length, map.Count);
        AssertRange(keys, map.Scan());
        AssertRange([.. keys.Reverse()], map.ScanDescending());
        for (int i = 0; i < keys.Length; i++)
        {
            Assert.Equal(Entries[keys[i]], map.Get(keys[i]));
            Assert.Equal(i, map.Rank(keys[i]));
            Assert.True(map.TryGetAt(i, out var entry));
            Assert.Equal(keys[i], entry.Key);
        }

        Assert.False(map.TryGetAt(keys.Length, out _));
        Assert.Empty(HeapVerifier.Verify(map.Core.Heap, TestContext.Current.CancellationToken));
    }

    /// <summary>Compares what is found around a key, and a range.</summary>
    public void AssertAround(PersistentSortedMap map, byte[] key, byte[] other)
    {
        byte[][] keys = [.. Entries.Keys];
        int below = keys.Count(each => each.AsSpan().SequenceCompareTo(key) < 0);
        int upTo = below + (Entries.ContainsKey(key) ? 1 : 0);
        AssertEntry(upTo > 0 ? keys[upTo - 1] : null, map.TryGetFloor(key, out var floor), floor);
        AssertEntry(below < keys.Length ? keys[below] : null, map.TryGetCeiling(key, out var ceiling), ceiling);
        AssertEntry(keys.FirstOrDefault(), map.TryGetFirst(out var first), first);
        AssertEntry(keys.LastOrDefault(), map.TryGetLast(out var last), last);
        Assert.Equal(below, map.Rank(key));
        byte[][] range = [.. keys.Where(each => each.AsSpan().SequenceCompareTo(key) >= 0
            && (other.Length == 0 || each.AsSpan().SequenceCompareTo(other) < 0))];
        AssertRange(range, map.Scan(key, other));
        AssertRange([.. range.Reverse()], map.ScanDescending(key, other));
        Assert.Equal(range.Length, map.CountRange(key, other));
    }

    private void AssertEntry(byte[]? expected, bool found, KeyValuePair<byte[], byte[]> entry)
    {
        Assert.Equal(expected is not null, found);
        if (expected is not null)
        {
            Assert.Equal(expected, entry.Key);
            Assert.Equal(Entries[expected], entry.Value);
        }
    }

    private void AssertRange(byte[][] expected, SortedMapCursor cursor)
    {
        int index = 0;
        foreach (SortedEntry entry in cursor)
        {
            Assert.True(index < expected.Length, "more entries than expected");
            Assert.Equal(expected[index], entry.Key.ToArray());
            Assert.Equal(Entries[expected[index++]], entry.Value.ToArray());
        }

        Assert.Equal(expected.Length, index);
    }
}
