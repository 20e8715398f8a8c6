using System.Buffers.Binary;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Collections;

/// <summary>Writers of a log beside each other, and its readers beside them, here and in other processes.</summary>
public sealed class LogMeetingTests
{
    private const int Writers = 3;
    private const int EntriesAWriter = 20_000;

    /// <summary>Whether the readers are of another process, and whether the heap erases.</summary>
    public static TheoryData<bool, bool> Ways => new() { { false, false }, { true, false }, { true, true } };

    [Theory]
    [Trait("speed", "slow")]
    [MemberData(nameof(Ways))]
    public async Task Entries_of_several_writers_are_all_seen_once_in_order(bool elsewhere, bool erases)
    {
        using PlainSpace space = new(64 << 20);
        PersistentHeap heap = PersistentHeap.Open(space, new HeapOptions { Erase = erases });
        PersistentLog log = PersistentLog.OpenOrCreate(heap, "log");
        using PlainSpace beside = space.Reader();
        PersistentLog seen = elsewhere ? PersistentLog.OpenOrCreate(PersistentHeap.Open(beside), "log") : log;
        CancellationToken cancelled = TestContext.Current.CancellationToken;

        Task<List<LogEntryId>>[] writers =
            [.. Enumerable.Range(0, Writers).Select(writer => Task.Run(() => Append(log, writer), cancelled))];
        var reader = Task.Run(() => FollowAll(seen, Writers * EntriesAWriter, cancelled), cancelled);
        List<LogEntryId>[] given = await Task.WhenAll(writers);
        List<(LogEntryId Id, int Writer, int Number)> read = await reader;

        Assert.Equal(given.SelectMany(ids => ids).Order(), read.Select(entry => entry.Id));
        for (int writer = 0; writer < Writers; writer++)
        {
            Assert.Equal(
                Enumerable.Range(0, EntriesAWriter),
                read.Where(entry => entry.Writer == writer).Select(entry => entry.Number));
        }

        Assert.Empty(HeapVerifier.Verify(heap, cancelled));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Readers_see_whole_entries_in_order_beside_trims(bool elsewhere, bool erases)
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space, new HeapOptions { Erase = erases });
        PersistentLog log = PersistentLog.OpenOrCreate(heap, "log");
        using PlainSpace beside = space.Reader();
        PersistentLog seen = elsewhere ? PersistentLog.OpenOrCreate(PersistentHeap.Open(beside), "log") : log;
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(
            TestContext.Current.CancellationToken);
        Task<int>[] readers =
        [
            OwnThread.Begin(() => Walk(seen, static log => log.Read(), ended.Token)),
            OwnThread.Begin(() => Walk(seen, static log => log.ReadDescending(), ended.Token)),
        ];

        for (int i = 0; i < 60_000; i++)
        {
            log.Append(Value(0, i));
            if (i % 50 == 0)
            {
                log.TrimToCount(i % 3_000);
                log.SetPosition("at", log.LastId);
            }
        }

        await ended.CancelAsync();
        // All of them have ended before one's failure ends the test, and with it the memory.
        Assert.All(await Task.WhenAll(readers), seen => Assert.True(seen > 0, "a reader saw nothing"));

        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Positions_of_several_threads_are_all_there_and_what_was_removed_is_not()
    {
        const int Names = 300;
        using PlainSpace space = new(16 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentLog log = PersistentLog.OpenOrCreate(heap, "log");
        LogEntryId id = log.Append("entry"u8);

        await Task.WhenAll(Enumerable.Range(0, 3).Select(thread => OwnThread.Begin(() =>
        {
            for (int i = 0; i < Names; i++)
            {
                log.SetPosition($"{thread}/{i}", id);
                Assert.True(i % 3 != 0 || log.RemovePosition($"{thread}/{i}"));
            }
        })));

        Assert.Equal(
            Enumerable.Range(0, 3 * Names).Where(i => i % 3 != 0).Select(i => $"{i / Names}/{i % Names}").Order(
                StringComparer.Ordinal),
            log.Positions.Order(StringComparer.Ordinal));
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_reader_goes_on_over_the_death_of_a_writer()
    {
        using PlainSpace space = new(16 << 20);
        PersistentLog log = PersistentLog.OpenOrCreate(PersistentHeap.Open(space), "log");
        log.Append("first"u8);
        using PlainSpace beside = space.Reader();
        PersistentLog reader = PersistentLog.OpenOrCreate(PersistentHeap.Open(beside), "log");
        LogCursor cursor = reader.Read();
        Assert.True(cursor.MoveNext());
        using AtomicGroup open = log.BeginAtomic();
        log.Append(new byte[5_000]);
        Assert.Equal(1, reader.Count);

        using PlainSpace second = space.NextWriter();
        PersistentLog next = PersistentLog.OpenOrCreate(PersistentHeap.Open(second), "log");
        Assert.Equal(1, reader.Count);
        Assert.False(cursor.MoveNext());
        next.Append("second"u8);

        Assert.True(cursor.MoveNext());
        Assert.Equal("second"u8, cursor.Current.Value);
        Assert.Throws<ArenaReadOnlyException>(() => reader.Append("third"u8));
    }

    [Fact]
    public async Task A_wait_ends_with_an_entry_or_a_cancellation()
    {
        using PlainSpace space = new(8 << 20);
        PersistentLog log = PersistentLog.OpenOrCreate(PersistentHeap.Open(space), "log");
        using CancellationTokenSource cancel = new();
        Task waits = log.WaitAsync(LogEntryId.None, TestContext.Current.CancellationToken);
        Task cancelled = log.WaitAsync(LogEntryId.MaxValue, cancel.Token);
        Assert.False(waits.IsCompleted);

        log.Append("here it is"u8);
        await waits;
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
    }

    private static List<LogEntryId> Append(PersistentLog log, int writer)
    {
        List<LogEntryId> ids = [];
        for (int i = 0; i < EntriesAWriter; i++)
        {
            ids.Add(log.Append(Value(writer, i)));
        }

        Assert.Equal(ids.Order(), ids);
        return ids;
    }

    // Bytes that tell whose they are, and are all the same then.
    private static byte[] Value(int writer, int number)
    {
        byte[] value = new byte[8 + (number % 150)];
        value.AsSpan(8).Fill((byte)number);
        BinaryPrimitives.WriteInt32LittleEndian(value, writer);
        BinaryPrimitives.WriteInt32LittleEndian(value.AsSpan(4), number);
        return value;
    }

    private static (int Writer, int Number) Checked(ReadOnlySpan<byte> value)
    {
        int number = BinaryPrimitives.ReadInt32LittleEndian(value[4..]);
        Assert.Equal(8 + (number % 150), value.Length);
        Assert.False(value[8..].ContainsAnyExcept((byte)number));
        return (BinaryPrimitives.ReadInt32LittleEndian(value), number);
    }

    private static async Task<List<(LogEntryId Id, int Writer, int Number)>> FollowAll(
        PersistentLog log, int count, CancellationToken cancelled)
    {
        List<(LogEntryId, int, int)> all = [];
        await foreach ((LogEntryId id, byte[] value) in log.FollowAsync(LogEntryId.None, cancelled))
        {
            (int writer, int number) = Checked(value);
            all.Add((id, writer, number));
            if (all.Count == count)
            {
                break;
            }
        }

        return all;
    }

    private static int Walk(PersistentLog log, Func<PersistentLog, LogCursor> begin, CancellationToken ended)
    {
        int seen = 0;
        do
        {
            LogCursor cursor = begin(log);
            long last = -1;
            int step = 0;
            while (cursor.MoveNext())
            {
                (_, int number) = Checked(cursor.Current.Value);
                Assert.Equal(number, cursor.Current.Index);
                int direction = last < 0 ? 0 : Math.Sign(number - last);
                Assert.True(last < 0 || (direction != 0 && (step == 0 || direction == step)), $"{number} after {last}");
                (last, step) = (number, last < 0 ? 0 : direction);
                seen++;
            }

            _ = log.TryGetPosition("at", out _);
            Assert.True(log.Count <= 3_100);
        }
        while (!ended.IsCancellationRequested);

        return seen;
    }
}
