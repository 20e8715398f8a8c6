namespace GuestMemFs.Tests.Typed;

/// <summary>Typed lists, sets and priority queues: values go in and come out as they were.</summary>
public sealed class TypedElementsTests
{
    [Fact]
    public void A_list_of_strings_is_a_list_of_strings()
    {
        using PlainSpace space = new(8 << 20);
        PersistentList<string> list = PersistentHeap.Open(space).OpenOrCreateList<string>("list");

        list.AddLast("c");
        list.AddFirst("a");
        list.Insert(1, "b");
        list[2] = "ç";
        list.AddLast("");

        Assert.Equal(["a", "b", "ç", ""], list);
        Assert.Equal(["", "ç", "b", "a"], list.Descending());
        Assert.Equal(["b", "ç"], list.Range(1, 2));
        Assert.Equal(("ç", 4), (list[2], list.Count));
        Assert.True(list.TryGetFirst(out string? first) & list.TryGetLast(out string? last));
        Assert.Equal(("a", ""), (first, last));
        Assert.True(list.TryRemoveFirst(out first) & list.TryRemoveLast(out last));
        Assert.Equal(("a", ""), (first, last));
        list.RemoveAt(0);
        Assert.Equal(0, list.Trim(0, 5));
        Assert.Equal(0, list.RemoveRange(1, 1));
        Assert.Equal(1, list.Clear());
        Assert.False(list.TryRemoveFirst(out _) | list.TryGetLast(out _));
    }

    [Fact]
    public void A_set_of_numbers_is_in_their_order()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentSet<int> set = heap.OpenOrCreateSet<int>("set");
        PersistentSet<int> other = heap.OpenOrCreateSet<int>("other");
        Array.ForEach([5, -3, 0, 1_000_000], number => Assert.True(set.Add(number)));
        Array.ForEach([0, 7], number => other.Add(number));

        Assert.False(set.Add(5));
        Assert.Equal([-3, 0, 5, 1_000_000], set);
        Assert.Equal([-3, 0, 5, 7, 1_000_000], set.Union(other));
        Assert.Equal([0], set.Intersection(other));
        Assert.Equal([-3, 5, 1_000_000], set.Difference(other));
        Assert.True(set.Contains(-3) && set.Remove(-3));
        Assert.False(set.Contains(-3) || set.Remove(-3));
        Assert.True(set.TryGetRandom(out int any) && set.Contains(any));
        Assert.True(set.TryRemoveRandom(out any) && !set.Contains(any));
        Assert.Equal((2, 2), (set.Count, set.Clear()));
    }

    [Fact]
    public void A_queue_of_pairs_gives_back_what_was_enqueued()
    {
        using PlainSpace space = new(8 << 20);
        PersistentPriorityQueue<Guid> queue = PersistentHeap.Open(space).OpenOrCreatePriorityQueue<Guid>("queue");
        Guid[] all = [.. Enumerable.Range(0, 4).Select(_ => Guid.NewGuid())];
        QueueEntryId id = queue.Enqueue(3, all[3]);
        queue.Enqueue(2, all[2]);
        queue.Enqueue(1, all[1]);
        queue.Enqueue(DateTimeOffset.UnixEpoch, all[0]);

        Assert.Equal(all, queue.Select(entry => entry.Value));
        Assert.True(queue.TryPeek(out QueueEntry<Guid> first) & queue.TryDequeue(out QueueEntry<Guid> taken));
        Assert.Equal((all[0], first), (taken.Value, taken));
        Assert.True(queue.TryDequeue(1, out taken));
        Assert.False(queue.TryDequeue(1, out _));
        Assert.True(queue.TryLeaseDue(TimeSpan.FromHours(1), out QueueLease<Guid> lease));
        Assert.Equal((all[2], 1), (lease.Value, queue.LeasedCount));
        Assert.True(queue.TryExtend(lease, TimeSpan.FromHours(2), out QueueLease<Guid> longer));
        Assert.True(queue.Return(longer, 9) && !queue.Complete(lease));
        Assert.True(queue.TryChangePriority(id, 10, out id) && queue.Remove(id));
        Assert.True(queue.TryLease(TimeSpan.FromHours(1), out lease) && queue.Complete(lease));
        Assert.Equal((0, 0), (queue.Count, queue.LeasedCount));
        Assert.False(queue.TryDequeueDue(out _));
    }

    [Fact]
    public void Another_shape_is_refused()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        heap.OpenOrCreateList<int>("list");
        heap.OpenOrCreateSet<string>("set");

        Assert.Throws<PersistentShapeException>(() => heap.OpenOrCreateList<long>("list"));
        Assert.Throws<PersistentShapeException>(() => heap.OpenOrCreateSet<int>("set"));
        Assert.Throws<HeapLayoutException>(() => heap.OpenOrCreatePriorityQueue<int>("list"));
    }
}
