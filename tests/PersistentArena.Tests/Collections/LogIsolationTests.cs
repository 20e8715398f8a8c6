using System.Runtime.ExceptionServices;
using GuestMemFs.Collections;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Collections;

/// <summary>What a group does to a log is seen by its own thread alone until it is committed.</summary>
public sealed class LogIsolationTests : IDisposable
{
    private readonly PlainSpace _space = new(16 << 20);
    private readonly PlainSpace _beside;
    private readonly PersistentHeap _heap;
    private readonly PersistentLog _log;
    private readonly LogModel _model = new();

    public LogIsolationTests()
    {
        _heap = PersistentHeap.Open(_space);
        _log = PersistentLog.OpenOrCreate(_heap, "log");
        _beside = _space.Reader();
    }

    /// <summary>Whether the readers are of another process; how many entries there are before; whether it
    /// commits.</summary>
    public static TheoryData<bool, int, bool> Ways => new()
    {
        { false, 0, true }, { false, 0, false }, { true, 0, true }, { true, 0, false },
        { false, 300, true }, { false, 300, false }, { true, 300, true }, { true, 300, false },
    };

    [Theory]
    [MemberData(nameof(Ways))]
    public void Readers_see_a_log_as_it_was_until_the_commit(bool elsewhere, int entries, bool commits)
    {
        PersistentLog seen = elsewhere ? Elsewhere() : _log;
        Fill(_model, entries);
        LogModel after = _model.Copy();
        using (AtomicGroup group = _heap.BeginAtomic())
        {
            for (int i = 0; i < 60; i++)
            {
                Fill(after, 5, 1_500);
                if (i % 7 == 3)
                {
                    after.TrimToCount(after.Entries.Count - 9);
                    _log.TrimToCount(_log.Count - 9);
                }

                after.AssertSame(_log);
                OnAnotherThread(() => AssertSeen(_model, seen));
            }

            after.TrimToCount(0);
            _log.Clear();
            after.AssertSame(_log);
            OnAnotherThread(() => AssertSeen(_model, seen));
            if (commits)
            {
                group.Commit();
            }
        }

        OnAnotherThread(() => AssertSeen(commits ? after : _model, seen));
        LogModel.AssertWhole(_heap);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_cursor_and_a_follower_come_to_entries_with_their_commit(bool elsewhere)
    {
        PersistentLog seen = elsewhere ? Elsewhere() : _log;
        Fill(_model, 3);
        LogCursor cursor = seen.Read();
        Assert.Equal(3, LogModel.All(cursor).Count);
        using CancellationTokenSource cancel = new();
        IAsyncEnumerator<KeyValuePair<LogEntryId, byte[]>> follower =
            seen.FollowAsync(seen.LastId, cancel.Token).GetAsyncEnumerator(cancel.Token);
        ValueTask<bool> next = follower.MoveNextAsync();
        ChangeTwice(cursor);

        Assert.True(cursor.MoveNext());
        Assert.Equal("committed"u8, cursor.Current.Value);
        Assert.True(await next);
        Assert.Equal("committed"u8, follower.Current.Value);
        await cancel.CancelAsync();
    }

    [Fact]
    public void What_a_savepoint_brings_back_was_not_seen()
    {
        PersistentLog seen = Elsewhere();
        Fill(_model, 3);
        LogModel after = _model.Copy();
        using AtomicGroup group = _heap.BeginAtomic();
        GroupSavepoint first = group.Savepoint();
        Fill(_model.Copy(), 2);
        group.RollBackTo(first);
        AssertSeen(_model, seen);
        Fill(after, 2);
        GroupSavepoint second = group.Savepoint();
        Fill(after.Copy(), 400);
        AssertSeen(_model, seen);
        group.RollBackTo(second);
        AssertSeen(_model, seen);
        group.Commit();

        AssertSeen(after, seen);
        OnAnotherThread(() => AssertSeen(after, _log));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_follows_a_group_is_seen(bool commits)
    {
        PersistentLog seen = Elsewhere();
        for (int i = 0; i < 20; i++)
        {
            Fill(_model, i % 3);
            LogModel after = _model.Copy();
            using AtomicGroup group = _heap.BeginAtomic();
            Fill(after, 1);
            AssertSeen(_model, seen);
            if (commits)
            {
                group.Commit();
                Fill(_model, after);
            }
            else
            {
                group.Dispose();
            }

            AssertSeen(_model, seen);
            _model.TrimToCount(10);
            _log.TrimToCount(10);
            AssertSeen(_model, seen);
        }
    }

    [Fact]
    public void A_damaged_word_is_found_and_refused_and_the_next_writer_mends_it()
    {
        Fill(_model, 3);
        long root = _heap.FindRoot("log", LogRoot.Layout);
        Damage(_space, root);

        Assert.Contains(HeapVerifier.Verify(_heap, TestContext.Current.CancellationToken),
            problem => problem.Contains("open group", StringComparison.Ordinal));
        Assert.Throws<HeapDamagedException>(() => Elsewhere().Count);
        using PlainSpace next = _space.Crash();
        PersistentHeap heap = PersistentHeap.Open(next);
        AssertSeen(_model, PersistentLog.OpenOrCreate(heap, "log"));
        LogModel.AssertWhole(heap);
    }

    public void Dispose()
    {
        _beside.Dispose();
        _space.Dispose();
    }

    // Not awaited: a group is its thread's.
    private static void OnAnotherThread(Action look)
    {
        ExceptionDispatchInfo? failed = null;
        Thread thread = new(() =>
        {
            try
            {
                look();
            }
            catch (Exception error)
            {
                failed = ExceptionDispatchInfo.Capture(error);
            }
        });
        thread.Start();
        thread.Join();
        failed?.Throw();
    }

    private static void AssertSeen(LogModel model, PersistentLog log)
    {
        model.AssertSame(log);
        if (model.Entries is [(LogEntryId first, _), .., (LogEntryId last, _)])
        {
            model.AssertRange(log, first.Next(), last);
            model.AssertRange(log, last, LogEntryId.MaxValue);
        }

        Assert.Equal(model.Entries.Count > 0, log.TryGetFirst(out KeyValuePair<LogEntryId, byte[]> entry));
        Assert.Equal(model.Entries.FirstOrDefault().Id, entry.Key);
        Assert.Equal(model.Entries.Count > 0, log.TryGetLast(out entry));
        Assert.Equal(model.Entries.LastOrDefault().Id, entry.Key);
    }

    private static void Fill(LogModel model, LogModel from)
    {
        model.Entries.Clear();
        model.Entries.AddRange(from.Entries);
        model.Last = from.Last;
    }

    private static unsafe void Damage(PlainSpace space, long root) =>
        *new LogRoot(space.Base, root).GroupWord = 0x1234;

    private PersistentLog Elsewhere() => PersistentLog.OpenOrCreate(PersistentHeap.Open(_beside), "log");

    private void ChangeTwice(LogCursor cursor)
    {
        using (AtomicGroup back = _heap.BeginAtomic())
        {
            _log.Append("goes back"u8);
            OnAnotherThread(() => Assert.False(cursor.MoveNext()));
        }

        OnAnotherThread(() => Assert.False(cursor.MoveNext()));
        using (AtomicGroup group = _heap.BeginAtomic())
        {
            _log.Append("committed"u8);
            OnAnotherThread(() => Assert.False(cursor.MoveNext()));
            group.Commit();
        }
    }

    private void Fill(LogModel model, int entries, int length = 100)
    {
        for (int i = 0; i < entries; i++)
        {
            byte[] value = new byte[length + i];
            value.AsSpan().Fill((byte)i);
            model.Append(_log.Append(value), value);
        }
    }
}
