using System.Text;
using GuestMemFs;
using KvStore.Replication;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Replication;

/// <summary>The history in the arena: what an open finds after each end of the process before.</summary>
public sealed class BacklogTests : IDisposable
{
    private const int Capacity = 100;
    private readonly TemporaryDirectory _place = new();

    public void Dispose() => _place.Dispose();

    [Fact]
    public void What_was_appended_in_a_group_is_there_once_the_group_is_committed()
    {
        using PersistentArena arena = Open(out PersistentHeap heap);
        using Backlog backlog = Backlog.Create(arena, heap, Capacity);

        Append(heap, backlog, "one", commits: true);
        Append(heap, backlog, "lost", commits: false);
        Append(heap, backlog, "two", commits: true);

        Assert.Equal("onetwo", TextFrom(backlog, 0));
        Assert.Equal((0, 6), (backlog.First, backlog.Offset));
    }

    [Fact]
    public void A_ring_that_is_full_has_the_last_bytes()
    {
        using PersistentArena arena = Open(out PersistentHeap heap);
        using Backlog backlog = Backlog.Create(arena, heap, Capacity);
        StringBuilder all = new();
        for (int i = 0; i < 97; i++)
        {
            string record = new((char)('a' + (i % 26)), 1 + (i % 7));
            all.Append(record);
            Append(heap, backlog, record, commits: true);
        }

        Assert.Equal((all.Length - Capacity, all.Length), (backlog.First, backlog.Offset));
        Assert.Equal(all.ToString()[^Capacity..], TextFrom(backlog, backlog.First));

        Append(heap, backlog, new string('-', 3 * Capacity), commits: true);
        Assert.Equal(new string('-', Capacity), TextFrom(backlog, backlog.First));
    }

    [Fact]
    public void A_record_that_did_not_come_true_takes_bytes_from_the_ring_and_gives_none()
    {
        using PersistentArena arena = Open(out PersistentHeap heap);
        using Backlog backlog = Backlog.Create(arena, heap, Capacity);
        Append(heap, backlog, new string('a', Capacity), commits: true);

        Append(heap, backlog, new string('b', 40), commits: false);

        Assert.Equal((40, Capacity), (backlog.First, backlog.Offset));
        Assert.Equal(new string('a', 60), TextFrom(backlog, backlog.First));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_next_open_goes_on_with_it(bool commits)
    {
        ReplicationId id;
        using (PersistentArena arena = Open(out PersistentHeap heap))
        {
            using Backlog backlog = Backlog.Create(arena, heap, Capacity);
            id = backlog.Id;
            Append(heap, backlog, "one", commits: true);
            Append(heap, backlog, "two", commits);
        }

        using PersistentArena again = Open(out PersistentHeap heapAgain);
        using Backlog found = Backlog.TryOpen(again, heapAgain, out string? reason)!;
        Assert.Null(reason);
        Assert.Equal(id, found.Id);
        Assert.Equal(commits ? "onetwo" : "one", TextFrom(found, 0));
        Append(heapAgain, found, "three", commits: true);
        Assert.Equal(commits ? "onetwothree" : "onethree", TextFrom(found, 0));
    }

    [Theory]
    [InlineData("given up", "its backlog was given up")]
    [InlineData("older data", "the store's data is older than its backlog")]
    [InlineData("other data", "the store's data is of another history")]
    public void A_ring_that_is_not_the_datas_is_not_taken(string how, string why)
    {
        using PersistentArena arena = Open(out PersistentHeap heap);
        HistoryPosition before = default;
        using (Backlog backlog = Backlog.Create(arena, heap, Capacity))
        {
            PersistentRoot<HistoryPosition> root = heap.OpenOrCreateRoot<HistoryPosition>("replication");
            Append(heap, backlog, "one", commits: true);
            before = root.Value;
            Append(heap, backlog, "two", commits: true);
            Append(heap, backlog, "three", commits: true);
            if (how == "given up")
            {
                backlog.GiveUp();
            }
            else
            {
                root.Set(how == "older data" ? before : before with { Id = ReplicationId.Random() });
            }
        }

        Assert.Null(Backlog.TryOpen(arena, heap, out string? reason));
        Assert.Equal(why, reason);
    }

    [Fact]
    public void A_ring_is_not_taken_after_a_process_that_did_not_open_it()
    {
        using (PersistentArena arena = Open(out PersistentHeap heap))
        {
            using Backlog backlog = Backlog.Create(arena, heap, Capacity);
        }

        Open(out _).Dispose();

        using PersistentArena again = Open(out PersistentHeap heapAgain);
        Assert.Null(Backlog.TryOpen(again, heapAgain, out string? reason));
        Assert.Equal("another program has had the store in between", reason);
    }

    [Fact]
    public void A_new_one_has_another_id_and_goes_on_with_the_offset()
    {
        using PersistentArena arena = Open(out PersistentHeap heap);
        ReplicationId id;
        using (Backlog first = Backlog.Create(arena, heap, Capacity))
        {
            id = first.Id;
            Append(heap, first, "one", commits: true);
        }

        using Backlog second = Backlog.Create(arena, heap, 3 * Capacity);

        Assert.NotEqual(id, second.Id);
        Assert.Equal((3, 3, 3 * Capacity), (second.First, second.Offset, second.Capacity));
        Assert.True(second.Id.Is(Encoding.ASCII.GetBytes(second.Id.ToString())));
    }

    private PersistentArena Open(out PersistentHeap heap)
    {
        PersistentArena arena = PersistentArena.OpenOrCreate(new ArenaOptions { Directory = _place.Path });
        heap = PersistentHeap.Open(arena.OpenOrCreateRegion(
            "data", 4 * RegionOptions.MinimumLength, new RegionOptions { Kind = RegionKind.Heap }));
        return arena;
    }

    private static void Append(PersistentHeap heap, Backlog backlog, string record, bool commits)
    {
        using (AtomicGroup group = heap.BeginAtomic(1))
        {
            backlog.Append(Encoding.ASCII.GetBytes(record));
            if (commits)
            {
                group.Commit();
            }
        }

        backlog.Reread();
    }

    private static string TextFrom(Backlog backlog, long offset)
    {
        StringBuilder text = new();
        while (offset < backlog.Offset)
        {
            ReadOnlySpan<byte> piece = backlog.PieceFrom(offset);
            text.Append(Encoding.ASCII.GetString(piece));
            offset += piece.Length;
        }

        return text.ToString();
    }
}
