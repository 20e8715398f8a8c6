using System.Runtime.InteropServices;
using System.Text;
using GuestMemFs.Collections;
using GuestMemFs.Format;
using GuestMemFs.Heap;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Heap;

/// <summary>
/// A heap that erases: what was deleted is found nowhere in its memory. Each test searches all of it. The crash lab
/// does so after each store.
/// </summary>
public sealed unsafe class ErasureTests
{
    private const string Secret = "a-secret-of-sixty-characters-that-nobody-else-would-ever-write";

    private static readonly HeapOptions s_erase = new() { Erase = true };

    [StructLayout(LayoutKind.Sequential)]
    private struct Node
    {
        public long Number;
        public Offset<byte> Text;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3_000)]
    [InlineData(90_000)]
    [InlineData(700_000)]
    public void A_removed_record_leaves_neither_key_nor_value(int longer)
    {
        using PlainSpace space = new(16 << 20);
        PersistentDictionary keys = Open(space);
        keys.Set("the-key-of-it"u8, Value(longer));
        Assert.True(Holds(space, Secret) && Holds(space, "the-key-of-it"));

        keys.Remove("the-key-of-it"u8);

        AssertGone(space, Secret, "the-key-of-it");
    }

    [Theory]
    [InlineData("short")]
    [InlineData("a value that is longer than the one before it, by as much as it takes to be in a larger block")]
    public void An_overwritten_value_is_gone(string next)
    {
        using PlainSpace space = new(8 << 20);
        PersistentDictionary keys = Open(space);
        keys.Set("k"u8, Value(0));

        keys.Set("k"u8, Encoding.UTF8.GetBytes(next));

        AssertGone(space, Secret);
        Assert.True(Holds(space, next));
    }

    [Fact]
    public void What_expired_is_gone_once_it_is_removed()
    {
        using PlainSpace space = new(8 << 20);
        PersistentDictionary keys = Open(space);
        keys.Set("k"u8, Value(0), DateTimeOffset.UtcNow.AddHours(-1));
        keys.Set("other"u8, Encoding.UTF8.GetBytes("another" + Secret), DateTimeOffset.UtcNow.AddHours(-1));

        keys.Set("k"u8, "new"u8);
        Assert.Equal(1, keys.RemoveExpired(int.MaxValue));

        AssertGone(space, Secret);
    }

    [Fact]
    public void An_expiry_that_needs_a_new_record_leaves_one_value()
    {
        using PlainSpace space = new(8 << 20);
        PersistentDictionary keys = Open(space);
        keys.Set("k"u8, Value(0));

        keys.Expire("k"u8, DateTimeOffset.UtcNow.AddHours(1));

        Assert.Equal(1, Count(space, Secret));
    }

    [Fact]
    public void A_number_changed_in_place_leaves_nothing_of_the_one_before()
    {
        using PlainSpace space = new(8 << 20);
        PersistentDictionary keys = Open(space);
        keys.Set("n"u8, "7234017283807667300"u8);
        keys.Increment("n"u8, 1);
        AssertGone(space, "7234017283807667300");
        byte[] bytes = BitConverter.GetBytes(7234017283807667301L);
        Assert.True(Count(space, bytes) > 0);

        keys.Increment("n"u8, 5);

        Assert.Equal(0, Count(space, bytes));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_group_leaves_what_it_committed_or_what_was_before(bool commit)
    {
        using PlainSpace space = new(8 << 20);
        PersistentDictionary keys = Open(space);
        keys.Set("replaced"u8, "replaced-before-it"u8);
        keys.Set("removed"u8, "removed-before-it"u8);
        using (AtomicGroup group = keys.BeginAtomic())
        {
            keys.Set("replaced"u8, "in-the-group-once"u8);
            keys.Set("replaced"u8, "in-the-group-at-last"u8);
            keys.Remove("removed"u8);
            keys.Set("came-with-it"u8, "new-in-the-group"u8);
            for (int i = 0; i < 60; i++)
            {
                keys.Set(Encoding.UTF8.GetBytes("more" + i), "a longer log"u8);
            }

            if (commit)
            {
                group.Commit();
            }
        }

        string[] after = ["in-the-group-at-last", "new-in-the-group", "came-with-it"];
        string[] before = ["replaced-before-it", "removed-before-it"];
        AssertGone(space, ["in-the-group-once", .. commit ? before : after]);
        Assert.All(commit ? after : before, text => Assert.Equal(1, Count(space, text)));
        Assert.Empty(HeapVerifier.Verify(keys.Core.Heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_clear_returns_when_all_is_gone()
    {
        using PlainSpace space = new(32 << 20);
        PersistentDictionary keys = Open(space);
        for (int i = 0; i < 20_000; i++)
        {
            keys.Set(Encoding.UTF8.GetBytes("key-to-clear-" + i), Value(i % 300));
        }

        keys.Clear();

        AssertGone(space, Secret, "key-to-clear-");
        Assert.True(keys.CollectGarbage(1));
    }

    [Fact]
    public void A_clear_that_was_killed_before_its_end_is_ended_when_the_dictionary_is_opened()
    {
        using PlainSpace space = new(8 << 20);
        PersistentDictionary keys = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(space), "keys");
        keys.Set("key-to-clear"u8, Value(0));
        keys.Clear(); // without the option it leaves the rest to later calls, as a kill amid a clear does
        using PlainSpace crashed = space.Crash();
        PersistentHeap heap = PersistentHeap.Open(crashed, s_erase);
        Assert.True(Holds(crashed, Secret));

        PersistentDictionary.OpenOrCreate(heap, "keys");

        AssertGone(crashed, Secret, "key-to-clear");
    }

    [Fact]
    public void Growth_and_moves_leave_each_record_once()
    {
        using PlainSpace space = new(64 << 20);
        PersistentDictionary keys = Open(space);
        for (int i = 0; i < 20_000; i++)
        {
            keys.Set(Encoding.UTF8.GetBytes("key-" + i), Value(i % 200));
        }

        Assert.Equal(20_000, Count(space, Secret));

        PersistentHeap heap = keys.Core.Heap;
        Lane lane = heap.TakeLane();
        long moved = 0;
        foreach ((long block, long size) in HeapBlocks.Find(space))
        {
            moved += keys.Core.TryMove(lane, block, size) == MoveOutcome.Moved ? 1 : 0;
        }

        PersistentHeap.ReleaseLane(lane);
        Assert.True(moved >= 20_000);
        Assert.Equal(20_000, Count(space, Secret));
    }

    [Fact]
    public void Objects_that_were_replaced_or_freed_are_gone()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space, s_erase);
        PersistentRoot<Node> root = heap.OpenOrCreateRoot("root", new Node { Number = 0x7365_6372_6574_2D31 });
        heap.PutBytes(root.Value.Text, "text-of-the-first"u8);
        heap.PutBytes(root.Value.Text, "text-of-the-second"u8);
        AssertGone(space, "text-of-the-first");

        heap.Free(root.Value.Text);
        root.Set(default);

        AssertGone(space, "text-of-the-second");
        Assert.Equal(0, Count(space, BitConverter.GetBytes(0x7365_6372_6574_2D31)));
    }

    [Fact]
    public void A_change_that_was_refused_leaves_nothing()
    {
        using PlainSpace space = new(8 << 20);
        PersistentDictionary keys = Open(space);
        Refused refused = new();

        Assert.Throws<NotSupportedException>(() => keys.Mutate("key-of-the-refused"u8, ref refused));

        AssertGone(space, Secret, "key-of-the-refused");
    }

    [Fact]
    public void A_crash_between_filling_a_block_and_its_intent_leaves_nothing_after_the_next_attach()
    {
        using PlainSpace space = new(8 << 20);
        PersistentDictionary keys = Open(space);
        keys.Set("k"u8, Value(0));
        Crashing crashing = new(space);
        keys.Mutate("k"u8, ref crashing);
        using PlainSpace crashed = crashing.Crashed!;
        Assert.Equal(2, Count(crashed, Secret));

        PersistentDictionary found = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(crashed), "keys");

        Assert.Equal(1, Count(crashed, Secret));
        found.Remove("k"u8);
        AssertGone(crashed, Secret);
    }

    // A lane's words end where the next lane's begin.
    [Theory]
    [InlineData(1)]
    [InlineData(HeapFormat.LaneCount - 1)]
    public void The_intent_of_a_lane_is_no_note_of_the_lane_before_it(int index)
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap.Open(space, s_erase);
        Lane lane = new(index, space.Base, space.Epoch);
        Assert.True(lane.TryTake(1));
        Intent intent = new() { Slot = space.Length - 64, Value = 5 };
        lane.Begin(intent);
        using PlainSpace crashed = space.Crash();

        PersistentHeap found = PersistentHeap.Open(crashed);

        Assert.Equal(new HeapRecoveryReport { Undone = 1 }, found.Recovery);
    }

    [Fact]
    public void All_blocks_that_a_lane_may_note_are_zeroed_where_they_are_free()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space, s_erase);
        Lane lane = heap.TakeLane();
        ulong* words = lane.Words + IntentWord.Filling;
        long[] blocks = new long[IntentWord.FillingCount];
        for (int i = 0; i < blocks.Length; i++)
        {
            blocks[i] = heap.Blocks.Take(lane, 100);
            Encoding.UTF8.GetBytes(Secret, new Span<byte>(space.Base + blocks[i] + 8, 80));
            words[i] = SealedOffset.Seal(blocks[i], (byte*)(words + i) - space.Base);
        }

        // One of them became somebody's: its intent was made true, and the note outlived it.
        *(ulong*)(space.Base + blocks[2]) = BlockHeader.Sized(BlockHeader.TypeBlob, 100);
        using PlainSpace crashed = space.Crash();

        PersistentHeap.Open(crashed);

        Assert.Equal(1, Count(crashed, Secret));
        Assert.Equal(-1, new ReadOnlySpan<ulong>(
            crashed.Base + ((byte*)words - space.Base), blocks.Length).IndexOfAnyExcept(0UL));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_note_that_does_not_check_is_refused(bool isSealed)
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap.Open(space, s_erase);
        ulong* word = (ulong*)(space.Base + HeapFormat.LanesOffset) + IntentWord.Filling + 3;
        *word = isSealed ? SealedOffset.Seal(space.Length - 8, (byte*)word - space.Base) : 4096;
        using PlainSpace crashed = space.Crash();

        Assert.Throws<HeapDamagedException>(() => PersistentHeap.Open(crashed));
    }

    [Fact]
    public void Turned_on_later_it_erases_what_is_free_and_stays_on()
    {
        using PlainSpace space = new(16 << 20, stale: 0);
        PersistentDictionary keys = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(space), "keys");
        for (int i = 0; i < 1_000; i++)
        {
            keys.Set(Encoding.UTF8.GetBytes("key-" + i), Value(i * 7));
        }

        for (int i = 0; i < 1_000; i++)
        {
            keys.Remove(Encoding.UTF8.GetBytes("key-" + i));
        }

        keys.Set("stays"u8, "the-value-that-stays"u8);
        Assert.False(keys.Core.Heap.Erases);
        Assert.True(Holds(space, Secret));
        using PlainSpace second = space.Crash();
        Assert.True(PersistentHeap.Open(second, s_erase).Erases);
        AssertGone(second, Secret);

        using PlainSpace third = second.Crash();
        PersistentHeap heap = PersistentHeap.Open(third);
        Assert.True(heap.Erases);
        PersistentDictionary found = PersistentDictionary.OpenOrCreate(heap, "keys");
        Assert.Equal("the-value-that-stays"u8.ToArray(), found.Get("stays"u8));
        found.Remove("stays"u8);
        AssertGone(third, "the-value-that-stays");
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_sweep_that_was_killed_is_done_again_by_the_next_open()
    {
        using PlainSpace space = new(8 << 20);
        PersistentDictionary keys = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(space), "keys");
        keys.Set("k"u8, Value(0));
        keys.Remove("k"u8);
        keys.Core.Heap.Alone(() =>
        {
            new HeapHeader(space).Require(HeapFormat.Erasing);
            return 0;
        });
        using PlainSpace crashed = space.Crash();
        Assert.True(Holds(crashed, Secret));

        PersistentHeap.Open(crashed);

        AssertGone(crashed, Secret);
        Assert.Equal(1UL, *(ulong*)(crashed.Base + HeapFormat.SweptOffset));
    }

    [Fact]
    public void Without_the_option_nothing_is_noted_in_the_heap()
    {
        using PlainSpace space = new(8 << 20, stale: 0);
        PersistentDictionary keys = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(space), "keys");
        keys.Set("k"u8, Value(0));
        keys.Remove("k"u8);

        Assert.True(Holds(space, Secret));
        Assert.Equal(HeapFormat.GroupsOfSeveral, *(ulong*)(space.Base + HeapFormat.IncompatOffset));
        Assert.Equal(0UL, *(ulong*)(space.Base + HeapFormat.SweptOffset));
    }

    private static PersistentDictionary Open(PlainSpace space) =>
        PersistentDictionary.OpenOrCreate(PersistentHeap.Open(space, s_erase), "keys");

    private static byte[] Value(int longer) =>
        Encoding.UTF8.GetBytes(new string('.', longer) + Secret + new string('.', longer / 3));

    private static void AssertGone(PlainSpace space, params ReadOnlySpan<string> texts)
    {
        foreach (string text in texts)
        {
            Assert.False(Holds(space, text), $"'{text}' is in the memory");
        }
    }

    private static bool Holds(PlainSpace space, string text) => Count(space, text) > 0;

    private static int Count(PlainSpace space, string text) => Count(space, Encoding.UTF8.GetBytes(text));

    private static int Count(PlainSpace space, byte[] bytes) =>
        new ReadOnlySpan<byte>(space.Base, checked((int)space.Length)).Count(bytes);

    private readonly struct Refused : IRecordMutation
    {
        public RecordChange Decide(in RecordView current) => RecordChange.Put(Secret.Length);

        public void Write(in RecordView current, Span<byte> value)
        {
            Encoding.UTF8.GetBytes(Secret, value);
            throw new NotSupportedException();
        }
    }

    /// <summary>
    /// Appends, as a client's APPEND does, and takes an image as a kill would leave it with the copy made.
    /// </summary>
    private struct Crashing(PlainSpace space) : IRecordMutation
    {
        public PlainSpace? Crashed { get; private set; }

        public readonly RecordChange Decide(in RecordView current) => RecordChange.Put(current.Value.Length + 1);

        public void Write(in RecordView current, Span<byte> value)
        {
            current.Value.CopyTo(value);
            value[^1] = (byte)'.';
            Crashed = space.Crash();
        }
    }
}
