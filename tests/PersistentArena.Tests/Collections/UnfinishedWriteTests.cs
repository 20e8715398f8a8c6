using GuestMemFs.Heap;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Collections;

/// <summary>A callback that throws while it fills a value leaves nothing behind.</summary>
public sealed class UnfinishedWriteTests
{
    private static readonly byte[] s_key = "key"u8.ToArray();

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void The_old_value_stays_and_no_block_is_lost(bool sorted, bool erases)
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space, new HeapOptions { Erase = erases });
        var collection = Collection.Of(heap, sorted);
        collection.Set("old"u8.ToArray());

        for (int i = 0; i < 100; i++)
        {
            Assert.Throws<TimeoutException>(() => collection.Fail(1_000));
        }

        Assert.Equal("old"u8.ToArray(), collection.Get());
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
        collection.Set("new"u8.ToArray());
        Assert.Equal("new"u8.ToArray(), collection.Get());
    }

    // 100 blocks of 300,000 bytes do not fit.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Its_room_can_be_used_again(bool sorted)
    {
        using PlainSpace space = new(4 << 20);
        var collection = Collection.Of(PersistentHeap.Open(space), sorted);

        for (int i = 0; i < 100; i++)
        {
            Assert.Throws<TimeoutException>(() => collection.Fail(300_000));
        }

        Assert.Null(collection.Get());
    }

    [Fact]
    public void A_sorted_map_in_a_full_and_scattered_heap_has_room_made()
    {
        using PlainSpace space = new(2 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentSortedMap map = PersistentSortedMap.OpenOrCreate(heap, "map");
        int count = 0;
        while (Fits(map, count, 3_900))
        {
            count++;
        }

        for (int i = 0; i < count; i++)
        {
            if (i % 4 != 0)
            {
                map.Remove(BitConverter.GetBytes(i)); // no slab is empty now
            }
        }

        Assert.True(Fits(map, count, 500));
        Assert.True(Fits(map, count + 1, 200_000));

        Assert.True(heap.GetStatistics().BlocksMoved > 0);
        Assert.Equal(((count + 3) / 4) + 2, map.Count);
        Assert.All(Enumerable.Range(0, (count + 3) / 4), i =>
            Assert.Equal(3_900, map.Get(BitConverter.GetBytes(4 * i))!.Length));
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }

    private static bool Fits(PersistentSortedMap map, int key, int size)
    {
        try
        {
            map.Set(BitConverter.GetBytes(key), new byte[size]);
            return true;
        }
        catch (ArenaOutOfSpaceException)
        {
            return false;
        }
    }

    private sealed record Collection(Action<byte[]> Set, Func<byte[]?> Get, Action<int> Fail)
    {
        public static Collection Of(PersistentHeap heap, bool sorted)
        {
            if (sorted)
            {
                PersistentSortedMap map = PersistentSortedMap.OpenOrCreate(heap, "map");
                return new(value => map.Set(s_key, value), () => map.Get(s_key), length =>
                {
                    Failing failing = new(length);
                    map.Mutate(s_key, ref failing);
                });
            }

            PersistentDictionary keys = PersistentDictionary.OpenOrCreate(heap, "keys");
            return new(value => keys.Set(s_key, value), () => keys.Get(s_key), length =>
            {
                Failing failing = new(length);
                keys.Mutate(s_key, ref failing);
            });
        }
    }

    private readonly struct Failing(int length) : IRecordMutation
    {
        public RecordChange Decide(in RecordView current) => RecordChange.Put(length);

        public void Write(in RecordView current, Span<byte> value)
        {
            value.Fill((byte)'x');
            throw new TimeoutException();
        }
    }
}
