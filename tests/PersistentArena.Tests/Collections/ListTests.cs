using System.Buffers;
using GuestMemFs.Collections;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Collections;

public sealed class ListTests
{
    [Fact]
    [Trait("speed", "slow")]
    public void Random_changes_equal_a_plain_list_over_crashes()
    {
        using PlainSpace first = new(32 << 20);
        PlainSpace space = first;
        PersistentList list = Open(space);
        List<byte[]> model = [];
        Random random = new(21);
        for (int i = 0; i < 12_000; i++)
        {
            Change(random, list, model, grows: i / 2_000 % 2 == 0);
            if (i % 1_500 == 1_499)
            {
                AssertSame(model, list);
                PlainSpace after = space.Crash();
                (space == first ? null : space)?.Dispose();
                space = after;
                list = Open(space);
                AssertSame(model, list);
            }
        }

        Assert.Equal(model.Count, list.Clear());
        AssertSame([], list);
        (space == first ? null : space)?.Dispose();
    }

    [Fact]
    public void Insertions_at_one_place_keep_keys_short()
    {
        using PlainSpace space = new(64 << 20);
        PersistentList list = Open(space);
        List<byte[]> model = [];
        for (int i = 0; i < 3_000; i++)
        {
            // In turns before and behind the one before: each halves the room that is left.
            int index = model.Count < 2 ? model.Count : (model.Count / 2) + (i % 2);
            byte[] element = SortedModel.Bytes("e" + i);
            list.Insert(index, element);
            model.Insert(index, element);
        }

        AssertSame(model, list);
        PersistentSortedMap map = PersistentSortedMap.OpenAs(list.Heap, "list", TreeKind.List);
        foreach (SortedEntry entry in map.Scan())
        {
            Assert.InRange(entry.Key.Length, 8, ListKey.Longest);
        }
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_queue_through_a_list_leaves_nothing_behind()
    {
        using PlainSpace space = new(4 << 20); // it has room for so many nodes, and for no more
        PersistentList list = Open(space);
        for (int i = 0; i < 100_000; i++)
        {
            list.AddLast(BitConverter.GetBytes(i));
            if (i >= 50)
            {
                Assert.True(list.TryRemoveFirst(out byte[]? element));
                Assert.Equal(i - 50, BitConverter.ToInt32(element));
            }
        }

        Assert.Equal(50, list.Count);
        Assert.InRange(Leaves(space), 5, 10);
        Assert.Empty(HeapVerifier.Verify(list.Heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void What_a_range_leaves_is_joined()
    {
        using PlainSpace space = new(32 << 20);
        PersistentList list = Open(space);
        for (int i = 0; i < 20_000; i++)
        {
            list.AddLast(BitConverter.GetBytes(i));
        }

        Assert.Equal(19_990, list.RemoveRange(5, 19_990));

        Assert.Equal(10, list.Count);
        Assert.InRange(Leaves(space), 1, 3);
        Assert.Equal(BitConverter.GetBytes(19_995), list.Get(5));
        Assert.Empty(HeapVerifier.Verify(list.Heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Empty_leaves_that_a_group_left_go_with_the_next_change_at_an_end()
    {
        using PlainSpace space = new(32 << 20);
        PersistentList list = Open(space);
        for (int i = 0; i < 10_000; i++)
        {
            list.AddLast(BitConverter.GetBytes(i));
        }

        using (AtomicGroup group = list.Heap.BeginAtomic())
        {
            for (int i = 0; i < 4_990; i++)
            {
                Assert.True(list.TryRemoveFirst(out _) && list.TryRemoveLast(out _));
            }

            group.Commit();
        }

        Assert.InRange(Leaves(space), 500, 1_000);
        Assert.True(list.TryRemoveFirst(out _) && list.TryRemoveLast(out _));
        Assert.Equal(18, list.Count);
        Assert.InRange(Leaves(space), 2, 6);
        Assert.Empty(HeapVerifier.Verify(list.Heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Indexes_that_are_not_there_change_nothing()
    {
        using PlainSpace space = new(8 << 20);
        PersistentList list = Open(space);

        Assert.False(list.TryRemoveFirst(out _));
        Assert.False(list.TryRemoveLast(out _));
        Assert.False(list.TryGetFirst(out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => list.Get(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => list.Set(0, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => list.Insert(1, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => list.RemoveAt(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => list.Insert(-1, []));
        Assert.Equal(0, list.RemoveRange(0, 5));
        Assert.Equal(0, list.Trim(3, 5));
        Assert.False(list.Scan(1).MoveNext());
        list.Insert(0, "only"u8);
        AssertSame([SortedModel.Bytes("only")], list);
    }

    [Fact]
    public void An_element_is_given_to_a_span_or_a_writer()
    {
        using PlainSpace space = new(8 << 20);
        PersistentList list = Open(space);
        list.AddLast("one"u8);
        list.AddLast("three"u8);

        byte[] room = new byte[4];
        Assert.True(list.TryGet(0, room, out int length));
        Assert.Equal((3, (byte)'o'), (length, room[0]));
        Assert.True(list.TryGet(1, room, out length));
        Assert.Equal((5, (byte)'o'), (length, room[0]));
        Assert.False(list.TryGet(2, room, out length));
        ArrayBufferWriter<byte> writer = new();
        Assert.True(list.TryGet(1, writer));
        Assert.True(list.TryRemoveLast(writer));
        Assert.True(list.TryRemoveFirst(writer));
        Assert.False(list.TryRemoveFirst(writer));
        Assert.Equal("threethreeone"u8, writer.WrittenSpan);
    }

    [Fact]
    public void Changes_in_a_group_go_back_together()
    {
        using PlainSpace space = new(8 << 20);
        PersistentList list = Open(space);
        List<byte[]> model = [];
        Random random = new(5);
        for (int i = 0; i < 100; i++)
        {
            Change(random, list, model, grows: true);
        }

        using (list.Heap.BeginAtomic())
        {
            List<byte[]> lost = [.. model];
            for (int i = 0; i < 300; i++)
            {
                Change(random, list, lost, grows: i < 100);
            }
        }

        AssertSame(model, list);
        using (AtomicGroup group = list.Heap.BeginAtomic())
        {
            for (int i = 0; i < 300; i++)
            {
                Change(random, list, model, grows: i < 100);
            }

            group.Commit();
        }

        AssertSame(model, list);
    }

    [Fact]
    public void Opened_as_another_kind_it_is_refused()
    {
        using PlainSpace space = new(8 << 20);
        PersistentList list = Open(space);
        PersistentHeap heap = list.Heap;
        PersistentSet.OpenOrCreate(heap, "set");
        PersistentSortedMap.OpenOrCreate(heap, "map");

        Assert.Throws<HeapLayoutException>(() => PersistentSortedMap.OpenOrCreate(heap, "list"));
        Assert.Throws<HeapLayoutException>(() => PersistentSet.OpenOrCreate(heap, "list"));
        Assert.Throws<HeapLayoutException>(() => PersistentList.OpenOrCreate(heap, "map"));
        Assert.Throws<HeapLayoutException>(() => PersistentPriorityQueue.OpenOrCreate(heap, "set"));
        Assert.Throws<HeapLayoutException>(() => PersistentBytes.OpenOrCreate(heap, "set"));
        Assert.Throws<HeapLayoutException>(() => PersistentBitmap.OpenOrCreate(heap, "list"));
        Assert.Throws<HeapLayoutException>(() => PersistentDictionary.OpenOrCreate(heap, "list"));
        Assert.Throws<HeapLayoutException>(() => heap.OpenOrCreateRoot<long>("list"));
    }

    private static unsafe int Leaves(PlainSpace space) => GuestMemFs.Heap.HeapBlocks.Find(space).Count(pair =>
        (byte)*(ulong*)(space.Base + pair.Key) == GuestMemFs.Heap.BlockHeader.TypeLeaf);

    internal static PersistentList Open(PlainSpace space) =>
        PersistentList.OpenOrCreate(PersistentHeap.Open(space), "list");

    private static void Change(Random random, PersistentList list, List<byte[]> model, bool grows)
    {
        byte[] element = new byte[random.Next(40)];
        random.NextBytes(element);
        int index = model.Count == 0 ? 0 : random.Next(model.Count);
        int which = model.Count == 0 ? 0 : random.Next(grows ? 7 : 14);
        switch (which)
        {
            case 0 or 1:
                list.AddLast(element);
                model.Add(element);
                break;
            case 2:
                list.AddFirst(element);
                model.Insert(0, element);
                break;
            case 3 or 4:
                list.Insert(index, element);
                model.Insert(index, element);
                break;
            case 5:
                list.Set(index, element);
                model[index] = element;
                break;
            case 6 or 7:
                list.RemoveAt(index);
                model.RemoveAt(index);
                break;
            case 8 or 9:
                Assert.True(list.TryRemoveFirst(out byte[]? first));
                Assert.Equal(model[0], first);
                model.RemoveAt(0);
                break;
            case 10 or 11:
                Assert.True(list.TryRemoveLast(out byte[]? last));
                Assert.Equal(model[^1], last);
                model.RemoveAt(model.Count - 1);
                break;
            default:
                int count = Math.Min(random.Next(20), model.Count - index);
                Assert.Equal(count, list.RemoveRange(index, count));
                model.RemoveRange(index, count);
                break;
        }
    }

    private static void AssertSame(List<byte[]> expected, PersistentList list)
    {
        Assert.Equal(expected.Count, list.Count);
        Assert.Equal(expected, All(list.GetEnumerator()));
        Assert.Equal(expected.AsEnumerable().Reverse(), All(list.ScanDescending()));
        for (int i = 0; i < expected.Count; i += 1 + (expected.Count / 50))
        {
            Assert.Equal(expected[i], list.Get(i));
            Assert.Equal(expected.Skip(i).Take(7), All(list.Scan(i, 7)));
            Assert.Equal(expected.Take(i + 1).Reverse().Take(7), All(list.ScanDescending(i, 7)));
        }

        Assert.Empty(HeapVerifier.Verify(list.Heap, TestContext.Current.CancellationToken));
    }

    internal static List<byte[]> All(ElementCursor cursor)
    {
        List<byte[]> all = [];
        foreach (ReadOnlySpan<byte> element in cursor)
        {
            all.Add(element.ToArray());
        }

        return all;
    }
}
