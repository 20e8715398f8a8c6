using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Collections;

public sealed class PriorityQueueTests
{
    private sealed class SetClock : TimeProvider
    {
        public long Milliseconds { get; set; } = 1_000_000;

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(Milliseconds);
    }

    [Fact]
    public void Random_changes_equal_a_plain_queue_over_crashes()
    {
        using PlainSpace first = new(32 << 20);
        PlainSpace space = first;
        PersistentPriorityQueue queue = Open(space);
        List<QueueEntry> model = [];
        Random random = new(23);
        for (int i = 0; i < 8_000; i++)
        {
            Change(random, queue, model, grows: i / 1_000 % 2 == 0);
            if (i % 1_000 == 999)
            {
                AssertSame(model, queue);
                PlainSpace after = space.Crash();
                (space == first ? null : space)?.Dispose();
                space = after;
                queue = Open(space);
                AssertSame(model, queue);
            }
        }

        (space == first ? null : space)?.Dispose();
    }

    [Fact]
    public void Equal_priorities_come_in_the_order_in_which_they_were_enqueued()
    {
        using PlainSpace space = new(8 << 20);
        PersistentPriorityQueue queue = Open(space);
        string[] all = ["a5", "b-3", "c5", "d-3", "e0", "f5"];
        foreach (string each in all)
        {
            queue.Enqueue(long.Parse(each[1..], null), SortedModel.Bytes(each));
        }

        List<string> taken = [];
        while (queue.TryDequeue(out QueueEntry entry))
        {
            taken.Add(System.Text.Encoding.UTF8.GetString(entry.Payload));
        }

        Assert.Equal(["b-3", "d-3", "e0", "a5", "c5", "f5"], taken);
    }

    [Fact]
    public void Only_what_is_due_is_taken()
    {
        using PlainSpace space = new(8 << 20);
        SetClock clock = new();
        PersistentPriorityQueue queue = Open(space, clock);
        queue.Enqueue(clock.GetUtcNow().AddSeconds(2), "later"u8);
        queue.Enqueue(clock.GetUtcNow().AddSeconds(1), "soon"u8);

        Assert.False(queue.TryDequeueDue(out _));
        Assert.False(queue.TryLeaseDue(TimeSpan.FromSeconds(1), out _));
        clock.Milliseconds += 1_000;
        Assert.True(queue.TryDequeueDue(out QueueEntry entry));
        Assert.Equal("soon"u8.ToArray(), entry.Payload);
        Assert.False(queue.TryDequeueDue(out _));
        Assert.False(queue.TryDequeue(clock.Milliseconds, out _));
        Assert.True(queue.TryDequeue(clock.Milliseconds + 1_000, out _));
        Assert.False(queue.TryPeek(out _));
    }

    [Fact]
    public void A_lease_that_has_passed_gives_its_entry_back_and_its_holder_is_told()
    {
        using PlainSpace first = new(8 << 20);
        SetClock clock = new();
        PersistentPriorityQueue queue = Open(first, clock);
        QueueEntryId id = queue.Enqueue(7, "job"u8);
        queue.Enqueue(8, "next"u8);

        Assert.True(queue.TryLease(TimeSpan.FromSeconds(5), out QueueLease lease));
        Assert.Equal((id, 1), (lease.Entry.Id, lease.Entry.Deliveries));
        Assert.Equal((1, 1), (queue.Count, queue.LeasedCount));
        using PlainSpace after = first.Crash();
        queue = Open(after, clock);
        clock.Milliseconds += 4_999;
        Assert.True(queue.TryLease(7, TimeSpan.FromSeconds(5), out _) is false);
        clock.Milliseconds += 1;
        Assert.True(queue.TryLease(TimeSpan.FromSeconds(5), out QueueLease again));
        Assert.Equal((id, 2), (again.Entry.Id, again.Entry.Deliveries));
        Assert.Equal("job"u8.ToArray(), again.Entry.Payload);

        Assert.False(queue.Complete(lease));
        Assert.False(queue.TryExtend(lease, TimeSpan.FromSeconds(1), out _));
        Assert.False(queue.Return(lease));
        Assert.True(queue.TryExtend(again, TimeSpan.FromSeconds(60), out QueueLease longer));
        Assert.False(queue.Complete(again));
        clock.Milliseconds += 30_000;
        Assert.Equal(0, queue.ReturnPassedLeases());
        Assert.True(queue.Complete(longer));
        Assert.Equal((1, 0), (queue.Count, queue.LeasedCount));
        Assert.Empty(HeapVerifier.Verify(queue.Heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_lease_is_returned_early_with_a_later_time()
    {
        using PlainSpace space = new(8 << 20);
        SetClock clock = new();
        PersistentPriorityQueue queue = Open(space, clock);
        queue.Enqueue(clock.GetUtcNow(), "fails at first"u8);

        Assert.True(queue.TryLeaseDue(TimeSpan.FromSeconds(5), out QueueLease lease));
        Assert.True(queue.Return(lease, clock.Milliseconds + 300));
        Assert.False(queue.Return(lease));

        Assert.False(queue.TryLeaseDue(TimeSpan.FromSeconds(5), out _));
        clock.Milliseconds += 300;
        Assert.True(queue.TryLeaseDue(TimeSpan.FromSeconds(5), out lease));
        Assert.Equal(2, lease.Entry.Deliveries);
        Assert.Throws<ArgumentOutOfRangeException>(() => queue.TryLease(TimeSpan.Zero, out _));
    }

    [Fact]
    public void All_passed_leases_are_found_however_many()
    {
        using PlainSpace space = new(8 << 20);
        SetClock clock = new();
        PersistentPriorityQueue queue = Open(space, clock);
        for (int i = 0; i < 200; i++)
        {
            queue.Enqueue(i, BitConverter.GetBytes(i));
            Assert.True(queue.TryLease(TimeSpan.FromSeconds(1), out _));
        }

        clock.Milliseconds += 1_000;
        for (int i = 0; i < 200; i++)
        {
            Assert.True(queue.TryDequeue(out _));
        }

        Assert.Equal((0, 0), (queue.Count, queue.LeasedCount));
    }

    private static PersistentPriorityQueue Open(PlainSpace space, TimeProvider? time = null) =>
        PersistentPriorityQueue.OpenOrCreate(PersistentHeap.Open(space), "queue", time);

    private static void Change(Random random, PersistentPriorityQueue queue, List<QueueEntry> model, bool grows)
    {
        long priority = random.Next(-20, 20);
        QueueEntry any = model.Count == 0 ? default : model[random.Next(model.Count)];
        switch (model.Count == 0 ? 0 : random.Next(grows ? 6 : 9))
        {
            case < 3:
                byte[] payload = new byte[random.Next(30)];
                random.NextBytes(payload);
                model.Add(new(queue.Enqueue(priority, payload), payload, 0));
                break;
            case 3:
                Assert.True(queue.Remove(any.Id));
                Assert.False(queue.Contains(any.Id));
                Assert.False(queue.Remove(any.Id));
                model.Remove(any);
                break;
            case 4:
                Assert.True(queue.TryChangePriority(any.Id, priority, out QueueEntryId changed));
                model.Remove(any);
                model.Add(any with { Id = changed });
                break;
            case 5:
                QueueEntry first = Ordered(model).First();
                Assert.Equal(first.Id.Priority <= priority, queue.TryDequeue(priority, out QueueEntry taken));
                AssertEntry(first.Id.Priority <= priority ? first : default, taken);
                model.RemoveAll(entry => entry.Id == taken.Id && taken.Payload is not null);
                break;
            default:
                QueueEntry head = Ordered(model).First();
                Assert.True(queue.TryPeek(out QueueEntry seen));
                AssertEntry(head, seen);
                Assert.True(queue.TryDequeue(out seen));
                AssertEntry(head, seen);
                model.RemoveAll(entry => entry.Id == head.Id);
                break;
        }
    }

    private static IEnumerable<QueueEntry> Ordered(List<QueueEntry> model) =>
        model.OrderBy(entry => entry.Id.Priority).ThenBy(entry => entry.Id.Sequence);

    private static void AssertSame(List<QueueEntry> expected, PersistentPriorityQueue queue)
    {
        Assert.Equal(expected.Count, queue.Count);
        QueueEntry[] found = [.. queue];
        QueueEntry[] wanted = [.. Ordered(expected)];
        Assert.Equal(wanted.Length, found.Length);
        for (int i = 0; i < wanted.Length; i++)
        {
            AssertEntry(wanted[i], found[i]);
        }

        Assert.Empty(HeapVerifier.Verify(queue.Heap, TestContext.Current.CancellationToken));
    }

    private static void AssertEntry(QueueEntry expected, QueueEntry found)
    {
        Assert.Equal((expected.Id, expected.Deliveries), (found.Id, found.Deliveries));
        Assert.Equal(expected.Payload, found.Payload);
    }
}
