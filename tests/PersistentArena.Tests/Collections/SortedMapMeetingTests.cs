using System.Globalization;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Collections;

/// <summary>Readers and cursors of a sorted map beside its writers, on other threads and in other processes.</summary>
public sealed class SortedMapMeetingTests
{
    private const int Stable = 400;

    /// <summary>Whether the readers are of another process.</summary>
    public static TheoryData<bool> Elsewhere => [false, true];

    [Theory]
    [MemberData(nameof(Elsewhere))]
    public async Task Readers_see_whole_entries_in_order_beside_writers(bool elsewhere)
    {
        using PlainSpace space = new(32 << 20);
        PersistentSortedMap map = SortedModel.Open(space);
        for (int i = 0; i < Stable; i++)
        {
            map.Set(Key(i * 100), Value(i * 100, 0));
        }

        using PlainSpace beside = space.Reader();
        PersistentSortedMap seen = elsewhere ? SortedModel.Open(beside) : map;
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(
            TestContext.Current.CancellationToken);
        Task[] writers = [.. Enumerable.Range(0, 2).Select(seed => OwnThread.Begin(() => Write(map, seed)))];
        Task<int>[] readers =
        [
            OwnThread.Begin(() => Read(seen, ended.Token)),
            OwnThread.Begin(() => Walk(seen, ended.Token)),
        ];
        try
        {
            await Task.WhenAll(writers);
        }
        finally
        {
            // Before the memory goes: what fails here is to be seen, and no access to what is unmapped.
            await ended.CancelAsync();
            await Task.WhenAll([.. writers, .. readers]).ContinueWith(_ => { }, TaskScheduler.Default);
        }

        foreach (Task<int> reader in readers)
        {
            Assert.True(await reader > 0, "a reader saw nothing");
        }

        Assert.Empty(HeapVerifier.Verify(map.Core.Heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_reader_goes_on_over_the_death_of_a_writer()
    {
        using PlainSpace space = new(16 << 20);
        PersistentSortedMap map = SortedModel.Open(space);
        for (int i = 0; i < Stable; i++)
        {
            map.Set(Key(i), Value(i, 0));
        }

        using PlainSpace beside = space.Reader();
        PersistentSortedMap reader = SortedModel.Open(beside);
        SortedMapCursor cursor = reader.Scan();
        Assert.True(cursor.MoveNext());
        using AtomicGroup open = map.BeginAtomic();
        map.Remove(Key(100));
        Assert.Null(reader.Get(Key(100)));

        using PlainSpace second = space.NextWriter();
        PersistentSortedMap next = SortedModel.Open(second);
        Assert.NotNull(reader.Get(Key(100)));
        next.Set(Key(Stable), Value(Stable, 1));
        int count = 1;
        while (cursor.MoveNext())
        {
            count++;
        }

        Assert.Equal(Stable + 1, count);
        Assert.Equal(Stable + 1, reader.Rank(Key(Stable + 1)));
        Assert.Throws<ArenaReadOnlyException>(() => reader.Set(Key(0), []));
        Assert.Throws<ArenaReadOnlyException>(() => reader.Remove(Key(0)));
        Assert.Throws<ArenaReadOnlyException>(() => PersistentSortedMap.OpenOrCreate(reader.Core.Heap, "other"));
    }

    [Fact]
    public void A_rank_in_a_reading_process_comes_to_an_end_where_the_writer_died_in_a_change()
    {
        using PlainSpace space = new(16 << 20);
        PersistentSortedMap map = SortedModel.Open(space);
        for (int i = 0; i < Stable; i++)
        {
            map.Set(Key(i), Value(i, 0));
        }

        unsafe
        {
            *map.Core.Memory.Root.ChangesWord += 1; // as a change under way leaves it
        }

        using PlainSpace beside = space.Reader();
        PersistentSortedMap reader = SortedModel.Open(beside);
        Assert.Equal(100, reader.Rank(Key(100)));
        Assert.True(reader.TryGetAt(7, out var entry));
        Assert.Equal(Key(7), entry.Key);
        using PlainSpace second = space.NextWriter();
        Assert.Empty(HeapVerifier.Verify(SortedModel.Open(second).Core.Heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public unsafe void Totals_that_never_stand_still_are_damage_and_keep_no_lock()
    {
        using PlainSpace space = new(16 << 20);
        PersistentSortedMap map = SortedModel.Open(space);
        map.Set("a"u8, "1"u8);
        *map.Core.Memory.Root.ChangesWord += 1;

        Assert.Throws<HeapDamagedException>(() => map.Rank("b"u8));
        Assert.Throws<HeapDamagedException>(() => map.TryGetAt(0, out _));

        map.Set("b"u8, "2"u8);
        Assert.Equal("2"u8.ToArray(), map.Get("b"u8));
    }

    [Fact]
    public void A_change_in_a_callback_is_refused_and_a_read_is_not()
    {
        using PlainSpace space = new(16 << 20);
        PersistentSortedMap map = SortedModel.Open(space);
        map.Set("a"u8, "1"u8);
        Nested nested = new(map);

        Assert.Throws<ReentrantCallException>(() => map.Mutate("b"u8, ref nested));
        Assert.Equal("1"u8.ToArray(), nested.Read);
        Assert.Null(map.Get("b"u8));
        map.Set("b"u8, "2"u8);
        Assert.Empty(HeapVerifier.Verify(map.Core.Heap, TestContext.Current.CancellationToken));
    }

    // Numbers between the stable ones come, change and go.
    private static void Write(PersistentSortedMap map, int seed)
    {
        Random random = new(seed);
        for (int i = 0; i < 60_000; i++)
        {
            int number = random.Next(Stable * 100);
            bool stable = number % 100 == 0;
            if (!stable && (random.Next(2) == 0 || i / 10_000 % 2 == 1))
            {
                map.Remove(Key(number));
            }
            else
            {
                map.Set(Key(number), Value(number, i));
            }
        }
    }

    private static int Read(PersistentSortedMap map, CancellationToken ended)
    {
        Random random = new(9);
        int reads = 0;
        do
        {
            int number = random.Next(Stable) * 100;
            byte[]? value = map.Get(Key(number));
            Assert.NotNull(value);
            AssertWhole(Key(number), value);
            Assert.InRange(map.Rank(Key(number)), number / 100, number);
            reads++;
        }
        while (!ended.IsCancellationRequested);

        return reads;
    }

    private static int Walk(PersistentSortedMap map, CancellationToken ended)
    {
        int walks = 0;
        do
        {
            AssertWalk(map.Scan(), 1);
            AssertWalk(map.ScanDescending(), -1);
            walks++;
        }
        while (!ended.IsCancellationRequested);

        return walks;
    }

    private static void AssertWalk(SortedMapCursor cursor, int direction)
    {
        byte[]? last = null;
        int stable = 0;
        foreach (SortedEntry entry in cursor)
        {
            Assert.True(last is null || Math.Sign(entry.Key.SequenceCompareTo(last)) == direction, "out of order");
            last = entry.Key.ToArray();
            AssertWhole(last, entry.Value.ToArray());
            stable += int.Parse(last, CultureInfo.InvariantCulture) % 100 == 0 ? 1 : 0;
        }

        Assert.Equal(Stable, stable);
    }

    private static void AssertWhole(byte[] key, byte[] value)
    {
        int number = int.Parse(key, CultureInfo.InvariantCulture);
        Assert.Equal(Value(number, BitConverter.ToInt32(value)), value);
    }

    private static byte[] Key(int number) => SortedModel.Bytes($"{number:D8}");

    // The value says what all of its bytes are.
    private static byte[] Value(int number, int version)
    {
        byte[] value = new byte[8 + ((number + version) % 90)];
        value.AsSpan().Fill((byte)(number + version));
        BitConverter.TryWriteBytes(value, version);
        return value;
    }

    private struct Nested(PersistentSortedMap map) : IRecordMutation
    {
        public byte[]? Read { get; private set; }

        public RecordChange Decide(in RecordView current)
        {
            Read = map.Get("a"u8);
            map.Set("c"u8, "3"u8);
            return RecordChange.Put(0);
        }

        public readonly void Write(in RecordView current, Span<byte> value)
        {
        }
    }
}
