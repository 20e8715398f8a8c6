using GuestMemFs.Collections;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Collections;

/// <summary>
/// Callbacks that call what waits for them: an exception of a type, never a thread that waits for itself.
/// </summary>
public sealed class ReentryTests
{
    public static TheoryData<string> Calls => ["set same", "set other", "set another dictionary's", "remove",
        "increment", "group", "clear", "collect", "root", "object", "open", "close"];

    [Theory]
    [MemberData(nameof(Calls))]
    public void A_plan_that_changes_the_heap_is_told(string call)
    {
        using PlainSpace space = new(8 << 20);
        Parts parts = new(space);
        Plans plan = new(() => parts.Do(call));

        Exception? error = Ended.With(() => parts.Keys.Mutate("k"u8, ref plan));

        Assert.IsType<ReentrantCallException>(error);
        parts.AssertUsable();
    }

    [Fact]
    public void A_plan_in_a_group_that_changes_the_heap_is_told_and_the_group_goes_on()
    {
        using PlainSpace space = new(8 << 20);
        Parts parts = new(space);
        _ = parts.Keys; // it could not be made within the group
        Exception? error = null;
        Ended.All(() =>
        {
            using AtomicGroup group = parts.Heap.BeginAtomic();
            Plans plan = new(() => parts.Do("set another dictionary's"));
            error = Record.Exception(() => parts.Keys.Mutate("k"u8, ref plan));
            parts.Keys.Set("in the group"u8, "1"u8);
            group.Commit();
        });

        Assert.IsType<ReentrantCallException>(error);
        Assert.NotNull(parts.Keys.Get("in the group"u8));
        parts.AssertUsable();
    }

    [Fact]
    public void A_reader_that_changes_what_it_reads_is_told()
    {
        using PlainSpace space = new(8 << 20);
        Parts parts = new(space);
        parts.Keys.Set("k"u8, "1"u8);
        Reads reader = new(() => parts.Keys.Set("k"u8, "2"u8));
        ReadsMany many = new(reader);

        Assert.IsType<ReentrantCallException>(Ended.With(() => parts.Keys.TryRead("k"u8, ref reader)));
        Assert.IsType<ReentrantCallException>(Ended.With(() => parts.Keys.ReadMany(ref many)));
        parts.AssertUsable();
    }

    [Theory]
    [InlineData("set same")]
    [InlineData("clear")]
    public void A_visitor_that_changes_what_it_visits_is_told(string call)
    {
        using PlainSpace space = new(8 << 20);
        Parts parts = new(space);
        parts.Keys.Set("k"u8, "1"u8);
        Visits visitor = new(() => parts.Do(call));

        Assert.IsType<ReentrantCallException>(Ended.With(() => parts.Keys.Scan(0, int.MaxValue, ref visitor)));
        Assert.IsType<ReentrantCallException>(Ended.With(() => parts.Keys.TryVisitRandom(ref visitor)));
        parts.AssertUsable();
    }

    [Fact]
    public void Visitors_that_change_what_others_visit_come_to_an_end()
    {
        using PlainSpace space = new(32 << 20);
        Parts parts = new(space);
        for (int i = 0; i < 2000; i++)
        {
            parts.Keys.Set(BitConverter.GetBytes(i), "1"u8);
        }

        int told = 0;
        Ended.All([.. Enumerable.Range(0, 4).Select<int, Action>(n => () =>
        {
            Random random = new(n);
            Visits visitor = new(() => parts.Keys.Set(BitConverter.GetBytes(random.Next(2000)), "2"u8));
            for (int i = 0; i < 20; i++)
            {
                try
                {
                    parts.Keys.Scan(0, int.MaxValue, ref visitor);
                }
                catch (ReentrantCallException)
                {
                    Interlocked.Increment(ref told);
                }
            }
        })]);

        Assert.InRange(told, 1, 80);
        parts.AssertUsable();
    }

    [Fact]
    public void Reads_in_callbacks_are_allowed()
    {
        using PlainSpace space = new(8 << 20);
        Parts parts = new(space);
        parts.Keys.Set("k"u8, "1"u8);
        parts.Other.Set("k"u8, "1"u8);
        int found = 0;
        void Read() => found += (parts.Keys.Get("k"u8) is null ? 0 : 1) + (parts.Other.Get("k"u8) is null ? 0 : 1);
        Plans plan = new(Read);
        Reads reader = new(Read);
        Visits visitor = new(Read);

        Ended.All(() => parts.Keys.Mutate("k"u8, ref plan));
        Ended.All(() => parts.Keys.TryRead("k"u8, ref reader));
        Ended.All(() => parts.Keys.Scan(0, int.MaxValue, ref visitor));

        Assert.Equal(6, found);
    }

    private sealed class Parts(PlainSpace space)
    {
        public PersistentHeap Heap { get; } = PersistentHeap.Open(space);

        public PersistentDictionary Keys => PersistentDictionary.OpenOrCreate(Heap, "keys");

        public PersistentDictionary Other => PersistentDictionary.OpenOrCreate(Heap, "other");

        public void Do(string call)
        {
            switch (call)
            {
                case "set same":
                    Keys.Set("k"u8, "n"u8);
                    break;
                case "set other":
                    Keys.Set("another key"u8, "n"u8);
                    break;
                case "set another dictionary's":
                    PersistentDictionary.OpenOrCreate(Heap, "keys").Set("x"u8, "n"u8);
                    break;
                case "remove":
                    Keys.Remove("k"u8);
                    break;
                case "increment":
                    Keys.Increment("n"u8);
                    break;
                case "group":
                    Heap.BeginAtomic().Dispose();
                    break;
                case "clear":
                    Keys.Clear();
                    break;
                case "collect":
                    Keys.RemoveExpired(1);
                    Keys.Clear();
                    break;
                case "root":
                    Heap.OpenOrCreateRoot<long>("root");
                    break;
                case "object":
                    Heap.OpenOrCreateRoot<long>("other root").Set(1);
                    break;
                case "open":
                    PersistentDictionary.OpenOrCreate(Heap, "never opened");
                    break;
                case "close":
                    Heap.Close(giveBack: true);
                    break;
                default:
                    throw new ArgumentException(call, nameof(call));
            }
        }

        public void AssertUsable()
        {
            Ended.All(() => Keys.Set("afterwards"u8, "1"u8), () => Other.Set("afterwards"u8, "1"u8),
                () => Heap.BeginAtomic().Dispose());
            Assert.NotNull(Keys.Get("afterwards"u8));
            Assert.Empty(HeapVerifier.Verify(Heap));
        }
    }

    private struct Plans(Action action) : IRecordMutation
    {
        public readonly RecordChange Decide(in RecordView current)
        {
            action();
            return RecordChange.Put(1);
        }

        public readonly void Write(in RecordView current, Span<byte> value) => value.Fill((byte)'p');
    }

    private struct Reads(Action action) : IRecordReader
    {
        public readonly void Read(in RecordView record) => action();
    }

    private struct ReadsMany(Reads reads) : IBatchReader
    {
        public readonly int Count => 1;

        public readonly ReadOnlySpan<byte> KeyAt(int index) => "k"u8;

        public readonly void Read(int index, in RecordView record) => reads.Read(record);
    }

    private struct Visits(Action action) : IRecordVisitor
    {
        public readonly void Visit(in RecordView record) => action();
    }
}
