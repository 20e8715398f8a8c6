using System.Buffers;
using System.Buffers.Binary;
using GuestMemFs.Heap;
using GuestMemFs.Inspection;
using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Typed;

/// <summary>Lists, sets, queues and logs whose elements become others.</summary>
public sealed class ElementMigrationTests
{
    private const int Elements = 300;
    private const long More = 1L << 40;

    public static TheoryData<string> Kinds => ["list", "set", "queue", "log"];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Elements_are_converted_once_and_what_was_open_is_refused(string kind)
    {
        using PlainSpace space = new(16 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        Fill(heap, kind);

        Assert.False(Migrate(heap, kind, "nothing", _ => throw new NotSupportedException()));
        Assert.True(Migrate(heap, kind, "it", old => old + More));
        Assert.False(Migrate(heap, kind, "it", _ => throw new NotSupportedException()));

        Assert.Throws<PersistentShapeException>(() => Read<int>(heap, kind));
        Assert.Equal(Enumerable.Range(0, Elements).Select(i => i + More), Read<long>(heap, kind));
        Assert.Equal(["it", ".shapes"], heap.Roots.Order(StringComparer.Ordinal).Reverse());
        Assert.Empty(HeapVerifier.Verify(heap, Cancellation));
        using PlainSpace crashed = space.Crash();
        Assert.Equal(Elements, Read<long>(PersistentHeap.Open(crashed), kind).Count());
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void One_that_was_killed_continues_and_until_then_is_refused(string kind)
    {
        using PlainSpace space = new(16 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        Fill(heap, kind);
        PlainSpace? killed = null;
        int calls = 0;
        Migrate(heap, kind, "it", old =>
        {
            killed = ++calls == 200 ? space.Crash() : killed;
            return old;
        });

        using (killed)
        {
            heap = PersistentHeap.Open(killed!);
            Assert.Throws<PersistentShapeException>(() => Read<int>(heap, kind));
            Assert.Throws<PersistentShapeException>(() => Read<long>(heap, kind));
            calls = 0;
            Assert.True(Migrate(heap, kind, "it", old => old + (0L * calls++)));

            // A set's old member does not say what it became.
            Assert.Equal(kind == "set" ? Elements : Elements - 199, calls);
            Assert.Equal(Enumerable.Range(0, Elements).Select(i => (long)i), Read<long>(heap, kind));
            Assert.Empty(HeapVerifier.Verify(heap, Cancellation));
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void What_a_function_throws_leaves_it_as_it_was(string kind)
    {
        using PlainSpace space = new(16 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        Fill(heap, kind);

        Assert.Throws<TimeZoneNotFoundException>(() => Migrate(
            heap, kind, "it", old => old > 100 ? throw new TimeZoneNotFoundException() : old));

        Assert.Equal(Enumerable.Range(0, Elements), Read<int>(heap, kind));
        Assert.Equal(["it", ".shapes"], heap.Roots.Order(StringComparer.Ordinal).Reverse());
        Assert.Empty(HeapVerifier.Verify(heap, Cancellation));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_lack_of_room_leaves_it_as_it_was(string kind)
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        Fill(heap, kind);

        Assert.Throws<ArenaOutOfSpaceException>(() => Migrate(
            heap, kind, "it", old => old + More, new LongForm { Padding = 60_000 }));

        Assert.Equal(Enumerable.Range(0, Elements), Read<int>(heap, kind));
        Assert.Empty(HeapVerifier.Verify(heap, Cancellation));
    }

    [Fact]
    public void Members_that_become_equal_are_one()
    {
        using PlainSpace space = new(16 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        Fill(heap, "set");

        Assert.True(heap.MigrateSet<int, long>("it", null, null, old => old / 10));

        Assert.Equal(Enumerable.Range(0, Elements / 10).Select(i => (long)i), Read<long>(heap, "set"));
    }

    [Fact]
    public void A_queue_keeps_numbers_priorities_deliveries_and_leases()
    {
        using PlainSpace space = new(16 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        var old = heap.OpenOrCreatePriorityQueue<int>("it");
        old.Enqueue(5, 50);
        old.Enqueue(3, 30);
        QueueEntryId last = old.Enqueue(5, 51);
        Assert.True(old.TryLease(TimeSpan.FromHours(1), out QueueLease<int> lease));
        Assert.Equal(30, lease.Value);

        Assert.True(heap.MigratePriorityQueue<int, string>("it", null, null, it => $"is {it}"));

        var queue = heap.OpenOrCreatePriorityQueue<string>("it");
        Assert.Equal(["is 50", "is 51"], queue.Select(it => it.Value));
        Assert.Equal(1, queue.Bytes.LeasedCount);
        Assert.True(queue.Bytes.Complete(lease.Bytes));
        Assert.Equal(0, queue.Bytes.LeasedCount);
        Assert.True(queue.Enqueue(5, "next").Sequence > last.Sequence);
        Assert.Equal(["is 50", "is 51", "next"], queue.Select(it => it.Value));
    }

    [Fact]
    public void A_log_keeps_ids_and_positions_and_gives_no_id_again()
    {
        using PlainSpace space = new(16 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        var old = heap.OpenOrCreateLog<int>("it");
        LogEntryId[] ids = [.. Enumerable.Range(0, 10).Select(old.Append)];
        old.Bytes.TrimBefore(ids[4]);
        old.Bytes.SetPosition("reader", ids[6]);

        Assert.True(heap.MigrateLog<int, string>("it", null, null, it => $"is {it}"));

        PersistentLog log = heap.OpenOrCreateLog<string>("it").Bytes;
        Assert.Equal(6, log.Count);
        Assert.Equal("is 6"u8.ToArray(), log.Get(ids[6]));
        Assert.True(log.TryGetPosition("reader", out LogEntryId position));
        Assert.Equal(ids[6], position);

        log.Clear();
        Assert.True(heap.MigrateLog<string, long>("it", null, null, _ => 0));

        PersistentLog empty = heap.OpenOrCreateLog<long>("it").Bytes;
        Assert.Equal(0, empty.Count);
        Assert.Equal(ids[9], empty.LastId);
        Assert.False(empty.TryAppend(ids[9], "again"u8));
        Assert.True(empty.TryGetPosition("reader", out _));
        Assert.Empty(HeapVerifier.Verify(heap, Cancellation));
    }

    private static void Fill(PersistentHeap heap, string kind)
    {
        for (int i = 0; i < Elements; i++)
        {
            switch (kind)
            {
                case "list":
                    heap.OpenOrCreateList<int>("it").AddLast(i);
                    break;
                case "set":
                    heap.OpenOrCreateSet<int>("it").Add(i);
                    break;
                case "queue":
                    heap.OpenOrCreatePriorityQueue<int>("it").Enqueue(i, i);
                    break;
                default:
                    heap.OpenOrCreateLog<int>("it").Append(i);
                    break;
            }
        }
    }

    private static IEnumerable<T> Read<T>(PersistentHeap heap, string kind)
        where T : notnull => kind switch
        {
            "list" => heap.OpenOrCreateList<T>("it"),
            "set" => heap.OpenOrCreateSet<T>("it"),
            "queue" => heap.OpenOrCreatePriorityQueue<T>("it").Select(it => it.Value),
            _ => heap.OpenOrCreateLog<T>("it").Select(it => it.Value),
        };

    private static bool Migrate(
        PersistentHeap heap, string kind, string name, Func<int, long> migrate, LongForm? form = null)
    {
        PersistentElementOptions<long> to = new() { Serializer = form };
        return kind switch
        {
            "list" => heap.MigrateList(name, null, to, migrate),
            "set" => heap.MigrateSet(name, null, to, migrate),
            "queue" => heap.MigratePriorityQueue(name, null, to, migrate),
            _ => heap.MigrateLog(name, null, new PersistentLogOptions<long> { Serializer = form }, migrate),
        };
    }

    private sealed class LongForm : IPersistentSerializer<long>
    {
        public int Padding { get; init; }

        public string Shape => "a number and much behind it";

        public void Write(long value, IBufferWriter<byte> output)
        {
            BinaryPrimitives.WriteInt64BigEndian(output.GetSpan(sizeof(long) + Padding), value);
            output.Advance(sizeof(long) + Padding);
        }

        public long Read(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadInt64BigEndian(bytes);
    }
}
