using GuestMemFs.Heap;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Collections;

/// <summary>Atomic groups of sorted maps and dictionaries: whole or absent, in this process and in the next.</summary>
public sealed class SortedMapGroupTests
{
    [Fact]
    public unsafe void What_is_not_made_in_a_group_asks_nothing_of_later_libraries()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        ulong before = *(ulong*)(space.Base + HeapFormat.IncompatOffset);
        var checksums = new PersistentDictionaryOptions { Checksums = true };
        using (heap.BeginAtomic())
        {
            Assert.Throws<AtomicGroupException>(() => PersistentSortedMap.OpenOrCreate(heap, "map"));
            Assert.Throws<AtomicGroupException>(() => PersistentDictionary.OpenOrCreate(heap, "keys", checksums));
        }

        Assert.Equal(before, *(ulong*)(space.Base + HeapFormat.IncompatOffset));
        PersistentSortedMap.OpenOrCreate(heap, "map");
        PersistentDictionary.OpenOrCreate(heap, "keys", checksums);
        ulong both = HeapFormat.SortedMaps | HeapFormat.ValueChecksums;
        Assert.Equal(before | both, *(ulong*)(space.Base + HeapFormat.IncompatOffset));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void A_group_of_maps_and_a_dictionary_is_whole_or_absent(bool commit, bool crash)
    {
        using PlainSpace space = new(32 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentSortedMap map = PersistentSortedMap.OpenOrCreate(heap, "map");
        PersistentSortedMap other = PersistentSortedMap.OpenOrCreate(heap, "other");
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(heap, "keys");
        SortedModel before = new();
        for (int i = 0; i < 3_000; i++)
        {
            byte[] key = SortedModel.Bytes($"k{i:D5}");
            map.Set(key, key);
            before.Entries[key] = key;
        }

        SortedModel after = new();
        using (AtomicGroup group = heap.BeginAtomic())
        {
            Change(map, other, dictionary, before, after);
            if (commit)
            {
                group.Commit();
            }

            if (crash)
            {
                using PlainSpace crashed = space.Crash();
                AssertOne(PersistentHeap.Open(crashed), commit ? after : before, commit);
            }
        }

        AssertOne(heap, commit ? after : before, commit);
    }

    // Enough to split many leaves, to empty others, and to change what was changed in the group.
    private static void Change(PersistentSortedMap map, PersistentSortedMap other, PersistentDictionary dictionary,
        SortedModel before, SortedModel after)
    {
        Random random = new(4);
        foreach ((byte[] key, byte[] value) in before.Entries)
        {
            after.Entries[key] = value;
        }

        for (int i = 0; i < 8_000; i++)
        {
            byte[] key = SortedModel.Bytes($"k{random.Next(3_000):D5}{(random.Next(2) == 0 ? "" : "x")}");
            if (random.Next(3) == 0)
            {
                Assert.Equal(after.Entries.Remove(key), map.Remove(key));
            }
            else
            {
                byte[] value = new byte[random.Next(40)];
                map.Set(key, value);
                after.Entries[key] = value;
            }
        }

        map.Increment("number"u8);
        map.Increment("number"u8);
        after.Entries["number"u8.ToArray()] = "2"u8.ToArray();
        other.Set("o"u8, "in the group"u8);
        dictionary.Set("d"u8, "in the group"u8);
    }

    private static void AssertOne(PersistentHeap heap, SortedModel model, bool commit)
    {
        PersistentSortedMap map = PersistentSortedMap.OpenOrCreate(heap, "map");
        PersistentSortedMap other = PersistentSortedMap.OpenOrCreate(heap, "other");
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(heap, "keys");
        model.AssertSame(map);
        Assert.Equal(commit, other.ContainsKey("o"u8));
        Assert.Equal(commit, dictionary.ContainsKey("d"u8));
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }
}
