using System.Buffers;
using GuestMemFs.Heap;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Collections;

/// <summary>A log beside a list: appends, ranges, trims, positions, groups, crashes. Stores are CrashLab's.</summary>
public sealed class LogTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_log_is_as_a_list_over_crashes(int seed)
    {
        Random random = new(seed);
        PlainSpace space = new(32 << 20);
        PersistentHeap heap = PersistentHeap.Open(space, new HeapOptions { Erase = seed == 3 });
        PersistentLog log = PersistentLog.OpenOrCreate(heap, "log");
        LogModel model = new();
        for (int i = 0; i < 3_000; i++)
        {
            Change(random, heap, log, ref model);
            if (i % 500 == 250)
            {
                PlainSpace crashed = space.Crash();
                space.Dispose();
                space = crashed;
                heap = PersistentHeap.Open(space);
                log = PersistentLog.OpenOrCreate(heap, "log");
            }

            if (i % 100 == 50)
            {
                model.AssertSame(log);
                model.AssertRange(log, Some(random, model), Some(random, model));
                LogModel.AssertWhole(heap);
            }
        }

        model.AssertSame(log);
        space.Dispose();
    }

    [Fact]
    public void An_empty_log_has_nothing()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentLog log = PersistentLog.OpenOrCreate(heap, "log");

        new LogModel().AssertSame(log);
        Assert.False(log.TryGetFirst(out _));
        Assert.False(log.TryGetLast(out _));
        Assert.Null(log.Get(new LogEntryId(1, 0)));
        Assert.Equal(0, log.TrimToCount(0));
        Assert.False(log.CollectGarbage(1));
        Assert.False(log.TryGetPosition("nobody", out _));
        Assert.False(log.RemovePosition("nobody"));
        LogModel.AssertWhole(heap);
    }

    [Fact]
    public void Entries_have_no_bytes_or_as_many_as_a_segment_does_not_hold()
    {
        using PlainSpace space = new(64 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentLog log = PersistentLog.OpenOrCreate(heap, "log");
        LogModel model = new();
        foreach (int length in (int[])[0, 1, 7, 8, 9, 5_000_000, 0, 1_048_500, 130_000, 3])
        {
            byte[] value = new byte[length];
            new Random(length).NextBytes(value);
            model.Append(log.Append(value), value);
        }

        model.AssertSame(log);
        ArrayBufferWriter<byte> to = new();
        Assert.True(log.TryGet(model.Entries[5].Id, to));
        Assert.Equal(model.Entries[5].Value, to.WrittenSpan);
        Assert.True(log.TryGetFirst(out var first));
        Assert.True(log.TryGetLast(out var last));
        Assert.Equal((model.Entries[0].Id, model.Entries[^1].Id), (first.Key, last.Key));
        LogModel.AssertWhole(heap);
    }

    [Fact]
    public void Ids_rise_where_the_clock_stands_or_goes_back()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        SetTime time = new() { Now = DateTimeOffset.FromUnixTimeMilliseconds(5_000) };
        PersistentLog log = PersistentLog.OpenOrCreate(heap, "log", new PersistentLogOptions { TimeProvider = time });

        Assert.Equal(new LogEntryId(5_000, 0), log.Append([1]));
        Assert.Equal(new LogEntryId(5_000, 1), log.Append([2]));
        time.Now = DateTimeOffset.FromUnixTimeMilliseconds(4_000);
        Assert.Equal(new LogEntryId(5_000, 2), log.Append([3]));
        time.Now = DateTimeOffset.FromUnixTimeMilliseconds(6_000);
        Assert.Equal(new LogEntryId(6_000, 0), log.Append([4]));
        Assert.Equal(3, log.TrimBefore(DateTimeOffset.FromUnixTimeMilliseconds(5_001)));
        log.Append(new LogEntryId(7_000, ulong.MaxValue), [5]);
        Assert.Equal(new LogEntryId(7_001, 0), log.Append([6]));
        log.Append(LogEntryId.MaxValue, [7]);
        Assert.Throws<OverflowException>(() => log.Append([8]));
        Assert.Equal(LogEntryId.MaxValue, log.LastId);
    }

    [Fact]
    public void An_id_that_is_not_above_the_last_one_is_refused()
    {
        using PlainSpace space = new(8 << 20);
        PersistentLog log = PersistentLog.OpenOrCreate(PersistentHeap.Open(space), "log");
        log.Append(new LogEntryId(5, 5), [1]);

        Assert.False(log.TryAppend(new LogEntryId(5, 5), [2]));
        Assert.Throws<ArgumentException>(() => log.Append(new LogEntryId(4, 9), [2]));
        Assert.Equal(1, log.Count);
        log.Clear();
        Assert.False(log.TryAppend(new LogEntryId(5, 5), [2]));
        Assert.True(log.TryAppend(new LogEntryId(5, 6), [2]));
    }

    [Fact]
    public void A_full_heap_refuses_whole_and_takes_entries_again_after_a_trim()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentLog log = PersistentLog.OpenOrCreate(heap, "log");
        LogModel model = new();
        byte[] value = new byte[3_000];
        Assert.Throws<ArenaOutOfSpaceException>(() =>
        {
            for (int i = 0; i < 4_000; i++)
            {
                model.Append(log.Append(value), value);
            }
        });

        model.AssertSame(log);
        Assert.True(model.Entries.Count > 2_000, $"only {model.Entries.Count} entries fit");
        LogModel.AssertWhole(heap);
        Assert.Equal(model.TrimToCount(500), log.TrimToCount(500));
        for (int i = 0; i < 5_000; i++)
        {
            model.Append(log.Append(value), value);
            Assert.Equal(model.TrimToCount(500), log.TrimToCount(500));
        }

        model.AssertSame(log);
        LogModel.AssertWhole(heap);
    }

    [Fact]
    public void Trimmed_segments_are_given_back_in_steps()
    {
        using PlainSpace space = new(256 << 20, stale: 0);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentLog log = PersistentLog.OpenOrCreate(heap, "log");
        byte[] value = new byte[100_000];
        for (int i = 0; i < 1_500; i++)
        {
            log.Append(value);
        }

        log.Clear();
        int steps = 0;
        while (log.CollectGarbage(10))
        {
            steps++;
        }

        Assert.InRange(steps, 5, 20); // about 150 segments, of which the trim gave 64 back
        long used = HeapBlocks.Find(space).Values.Sum();
        Assert.True(used < 3 << 20, $"{used} bytes are still in use");
        LogModel.AssertWhole(heap);
    }

    [Theory]
    [InlineData(false, false, false)]
    [InlineData(false, true, false)]
    [InlineData(true, false, false)]
    [InlineData(true, true, false)]
    [InlineData(false, false, true)]
    [InlineData(false, true, true)]
    public void A_group_is_whole_or_absent(bool commit, bool crash, bool fromNothing)
    {
        using PlainSpace space = new(32 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentLog log = PersistentLog.OpenOrCreate(heap, "log");
        LogModel before = new();
        Random random = new(7);
        for (int i = 0; i < (fromNothing ? 0 : 400); i++)
        {
            Change(random, heap, log, ref before);
        }

        LogModel after = before.Copy();
        using (AtomicGroup group = heap.BeginAtomic())
        {
            for (int i = 0; i < 800; i++)
            {
                ChangeOne(random, log, after);
            }

            after.AssertSame(log);
            if (commit)
            {
                group.Commit();
            }

            if (crash)
            {
                using PlainSpace crashed = space.Crash();
                PersistentHeap next = PersistentHeap.Open(crashed);
                (commit ? after : before).AssertSame(PersistentLog.OpenOrCreate(next, "log"));
                LogModel.AssertWhole(next);
            }
        }

        LogModel now = commit ? after : before;
        now.AssertSame(log);
        byte[] value = [1, 2, 3];
        now.Append(log.Append(value), value);
        now.AssertSame(log);
        LogModel.AssertWhole(heap);
    }

    [Fact]
    public void A_group_that_goes_back_finds_the_last_segment_of_a_log_that_was_cleared()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentLog log = PersistentLog.OpenOrCreate(heap, "log");
        LogEntryId last = log.Append([1]);
        log.Clear();
        using (heap.BeginAtomic())
        {
            for (int i = 0; i < 20; i++)
            {
                log.Append(new byte[700]);
                log.CollectGarbage(10);
            }
        }

        Assert.Equal((0, last), (log.Count, log.LastId));
        LogModel.AssertWhole(heap);
    }

    [Fact]
    public void A_trim_in_a_group_of_a_heap_that_erases_is_refused()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space, new HeapOptions { Erase = true });
        PersistentLog log = PersistentLog.OpenOrCreate(heap, "log");
        log.Append([1]);
        using (heap.BeginAtomic())
        {
            Assert.Throws<AtomicGroupException>(() => log.TrimToCount(0));
            log.Append([2]);
        }

        Assert.Equal(1, log.Count);
    }

    [Fact]
    public void A_heap_that_erases_has_nothing_left_of_what_was_trimmed_or_taken_back()
    {
        byte[] secret = "what nobody is to find again"u8.ToArray();
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space, new HeapOptions { Erase = true });
        PersistentLog log = PersistentLog.OpenOrCreate(heap, "log");
        log.Append(secret);
        log.Append("what stays"u8);
        log.TrimToCount(1);
        using (heap.BeginAtomic())
        {
            log.Append(secret);
        }

        for (int i = 0; i < 2_000; i++)
        {
            log.Append(secret);
        }

        log.Clear();
        Assert.Equal(-1, Bytes(space).IndexOf(secret));
        LogModel.AssertWhole(heap);
    }

    [Fact]
    public void A_cursor_goes_on_after_appends_trims_and_groups_that_go_back()
    {
        using PlainSpace space = new(32 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentLog log = PersistentLog.OpenOrCreate(heap, "log");
        LogCursor cursor = log.Read();
        Assert.False(cursor.MoveNext());
        Assert.Throws<InvalidOperationException>(() => cursor.Current.Index);
        for (byte i = 0; i < 100; i++)
        {
            log.Append([i]);
        }

        Assert.True(cursor.MoveNext());
        Assert.Equal(0, cursor.Current.Value[0]);
        log.TrimToCount(50);
        Assert.True(cursor.MoveNext());
        Assert.Equal(50, cursor.Current.Value[0]);
        Assert.Equal(50, cursor.Current.Index);
        while (cursor.MoveNext())
        {
            Assert.True(cursor.Current.Index < 100);
        }

        using (heap.BeginAtomic())
        {
            log.Append("not committed"u8);
            Assert.True(cursor.MoveNext());
        }

        Assert.False(cursor.MoveNext());
        log.Append("committed"u8);
        Assert.True(cursor.MoveNext());
        Assert.Equal("committed"u8, cursor.Current.Value);
    }

    [Fact]
    public void Appends_and_reads_allocate_nothing()
    {
        using PlainSpace space = new(64 << 20);
        PersistentLog log = PersistentLog.OpenOrCreate(PersistentHeap.Open(space), "log");
        LogCursor cursor = log.Read();
        byte[] value = new byte[100];
        for (int i = 0; i < 2_000; i++)
        {
            log.Append(value);
            cursor.MoveNext();
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 50_000; i++)
        {
            log.Append(value);
            Assert.True(cursor.MoveNext());
        }

        // The allocator notes runs of pages in objects, some for each segment of a megabyte.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 50_000);
    }

    [Fact]
    public void A_position_is_set_by_name_and_outlives_the_process()
    {
        using PlainSpace space = new(8 << 20);
        PersistentLog log = PersistentLog.OpenOrCreate(PersistentHeap.Open(space), "log");
        log.SetPosition("a", new LogEntryId(1, 2));
        log.SetPosition("b", new LogEntryId(3, 4));
        log.SetPosition("a", new LogEntryId(5, 6));
        Assert.Throws<ArgumentException>(() => log.SetPosition(new string('x', 64), default));
        Assert.Throws<ArgumentException>(() => log.SetPosition("", default));

        using PlainSpace crashed = space.Crash();
        PersistentHeap heap = PersistentHeap.Open(crashed);
        PersistentLog again = PersistentLog.OpenOrCreate(heap, "log");
        Assert.Equal(["b", "a"], again.Positions);
        Assert.True(again.TryGetPosition("a", out LogEntryId id));
        Assert.Equal(new LogEntryId(5, 6), id);
        Assert.True(again.RemovePosition("b"));
        Assert.False(again.TryGetPosition("b", out _));
        Assert.Equal(["a"], again.Positions);
        LogModel.AssertWhole(heap);
    }

    [Fact]
    public unsafe void A_heap_gets_the_feature_with_its_first_log()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        ulong before = *(ulong*)(space.Base + HeapFormat.IncompatOffset);
        using (heap.BeginAtomic())
        {
            Assert.Throws<AtomicGroupException>(() => PersistentLog.OpenOrCreate(heap, "log"));
        }

        Assert.Equal(before, *(ulong*)(space.Base + HeapFormat.IncompatOffset));
        PersistentLog.OpenOrCreate(heap, "log");
        Assert.Equal(before | HeapFormat.Logs, *(ulong*)(space.Base + HeapFormat.IncompatOffset));
        Assert.Throws<HeapLayoutException>(() => PersistentDictionary.OpenOrCreate(heap, "log"));
        Assert.Throws<DictionaryOptionsException>(() =>
            PersistentLog.OpenOrCreate(heap, "log", new PersistentLogOptions { TimeProvider = new SetTime() }));
    }

    private static unsafe Span<byte> Bytes(PlainSpace space) => new(space.Base, (int)space.Length);

    private static LogEntryId Some(Random random, LogModel model) =>
        model.Entries.Count == 0 || random.Next(5) == 0 ? new LogEntryId((ulong)random.Next(), 0)
        : random.Next(2) == 0 ? model.Entries[random.Next(model.Entries.Count)].Id
        : model.Entries[random.Next(model.Entries.Count)].Id.Next();

    private static void Change(Random random, PersistentHeap heap, PersistentLog log, ref LogModel model)
    {
        if (random.Next(50) != 0)
        {
            ChangeOne(random, log, model);
            return;
        }

        LogModel changed = model.Copy();
        using AtomicGroup group = heap.BeginAtomic();
        for (int i = random.Next(60); i >= 0; i--)
        {
            ChangeOne(random, log, changed, trims: !heap.Erases);
        }

        if (random.Next(2) == 0)
        {
            group.Commit();
            model = changed;
        }
    }

    private static void ChangeOne(Random random, PersistentLog log, LogModel model, bool trims = true)
    {
        int what = random.Next(100);
        string name = "position " + random.Next(4);
        if (what < 80)
        {
            byte[] value = new byte[random.Next(30) == 0 ? random.Next(30_000) : random.Next(200)];
            random.NextBytes(value);
            if (what < 70)
            {
                model.Append(log.Append(value), value);
                return;
            }

            LogEntryId id = new(model.Last.Milliseconds + (ulong)random.Next(2), model.Last.Sequence + 1);
            log.Append(id, value);
            model.Append(id, value);
        }
        else if (what < 90)
        {
            LogEntryId id = Some(random, model);
            log.SetPosition(name, id);
            model.Positions[name] = id;
        }
        else if (what < 92)
        {
            Assert.Equal(model.Positions.Remove(name), log.RemovePosition(name));
        }
        else if (!trims)
        {
            model.AssertRange(log, Some(random, model), Some(random, model));
        }
        else if (what == 99)
        {
            log.Clear();
            model.TrimToCount(0);
        }
        else if (what % 2 == 0)
        {
            int count = random.Next(300);
            Assert.Equal(model.TrimToCount(count), log.TrimToCount(count));
        }
        else if (model.Entries.Count > 0)
        {
            LogEntryId id = model.Entries[random.Next(Math.Max(1, model.Entries.Count / 4))].Id;
            Assert.Equal(model.TrimBefore(id), log.TrimBefore(id));
        }
    }

    private sealed class SetTime : TimeProvider
    {
        public DateTimeOffset Now { get; set; }

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
