namespace GuestMemFs.Tests.Collections;

/// <summary>A section is an ordered map of its own, whatever lies before and behind it.</summary>
public sealed class SortedMapSectionTests
{
    public static TheoryData<byte[]> Prefixes => new(new byte[][] { [7], [7, 255], [255, 255], [0], [] });

    [Theory]
    [Trait("speed", "slow")]
    [MemberData(nameof(Prefixes))]
    public void A_section_says_what_a_map_with_its_entries_alone_says(byte[] prefix)
    {
        using PlainSpace space = new(16 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentSortedMap map = PersistentSortedMap.OpenOrCreate(heap, "map");
        PersistentSortedMap alone = PersistentSortedMap.OpenOrCreate(heap, "alone");
        PersistentSortedMapSection section = map.Section(prefix);
        if (prefix.Length > 0)
        {
            map.Set([], "before"u8);
            map.Set([6, 255], "before"u8);
            map.Set([7, 254, 255], "before or within"u8);
            map.Set([8], "behind"u8);
            map.Set([255, 254], "before"u8);
        }

        foreach (SortedEntry entry in section.Scan())
        {
            alone.Set(entry.Key, entry.Value);
        }

        Random random = new(5);
        for (int i = 0; i < 2_000; i++)
        {
            byte[] key = Key(random);
            byte[] other = Key(random);
            Change(random.Next(6), section, alone, key);
            Assert.Equal(alone.Get(key), section.Get(key));
            Assert.Equal(alone.ContainsKey(other), section.ContainsKey(other));
            Assert.Equal(alone.Rank(key), section.Rank(key));
            Assert.Equal(alone.CountRange(key, other), section.CountRange(key, other));
            AssertSame(alone.TryGetFloor(key, out var floor), floor, section.TryGetFloor(key, out var own), own);
            AssertSame(alone.TryGetCeiling(key, out floor), floor, section.TryGetCeiling(key, out own), own);
            AssertSame(alone.TryGetAt(i % 90, out floor), floor, section.TryGetAt(i % 90, out own), own);
            Assert.Equal(Texts(alone.Scan(key, other)), Texts(section.Scan(key, other)));
            Assert.Equal(Texts(alone.ScanDescending(key, other)), Texts(section.ScanDescending(key, other)));
        }

        AssertSame(alone.TryGetFirst(out var first), first, section.TryGetFirst(out var mine), mine);
        AssertSame(alone.TryGetLast(out first), first, section.TryGetLast(out mine), mine);
        Assert.Equal(alone.Count, section.Count);
        Assert.Equal(Texts(alone.ScanDescending()), Texts(section.ScanDescending()));
        long others = map.Count - section.Count;
        Assert.Equal(3, section.RemoveFirst(3));
        Assert.Equal(alone.Count - 3, section.Count);
        Assert.Equal(alone.Count - 3, section.RemoveFirst(int.MaxValue));
        Assert.True(section.IsEmpty);
        Assert.Equal(others, map.Count);
    }

    [Fact]
    public void Entries_of_a_section_expire_and_are_removed_with_it()
    {
        using PlainSpace space = new(8 << 20);
        PersistentSortedMap map = PersistentSortedMap.OpenOrCreate(PersistentHeap.Open(space), "map");
        PersistentSortedMapSection section = map.Section("s"u8);
        section.Set("k"u8, "v"u8, DateTimeOffset.UnixEpoch.AddSeconds(1));
        Assert.True(section.IsEmpty);
        Assert.Equal(1, section.Count);
        Assert.Equal(1, section.RemoveFirst(10));
        Assert.Equal(0, map.Count);
    }

    private static void Change(int what, PersistentSortedMapSection section, PersistentSortedMap alone, byte[] key)
    {
        switch (what)
        {
            case 0:
                Assert.Equal(alone.Remove(key), section.Remove(key));
                break;
            case 1:
                Assert.Equal(alone.TryAdd(key, "added"u8), section.TryAdd(key, "added"u8));
                break;
            case 2:
                Assert.Equal(alone.TryUpdate(key, "new"u8, "added"u8), section.TryUpdate(key, "new"u8, "added"u8));
                break;
            default:
                alone.Set(key, key);
                section.Set(key, key);
                break;
        }
    }

    private static byte[] Key(Random random)
    {
        byte[] key = new byte[random.Next(1, 300) == 1 ? 300 : random.Next(1, 3)];
        for (int i = 0; i < key.Length; i++)
        {
            key[i] = (byte)(random.Next(12) * 23);
        }

        return key;
    }

    private static void AssertSame(
        bool found, KeyValuePair<byte[], byte[]> entry, bool own, KeyValuePair<byte[], byte[]> mine)
    {
        Assert.Equal(found, own);
        Assert.Equal(entry.Key, mine.Key);
        Assert.Equal(entry.Value, mine.Value);
    }

    private static List<string> Texts(SortedMapCursor cursor)
    {
        List<string> texts = [];
        foreach (SortedEntry entry in cursor)
        {
            texts.Add($"{Convert.ToHexString(entry.Key)}={Convert.ToHexString(entry.Value)}");
        }

        return texts;
    }
}
