namespace GuestMemFs.Tests.Collections;

/// <summary>Expiry times at the ends of time.</summary>
public sealed class ExpiryTests
{
    public static TheoryData<DateTimeOffset> Past =>
        [DateTimeOffset.MinValue, DateTimeOffset.UnixEpoch.AddTicks(-1), DateTimeOffset.UnixEpoch,
            DateTimeOffset.UnixEpoch.AddTicks(9_999), DateTimeOffset.UnixEpoch.AddMilliseconds(1)];

    [Theory]
    [MemberData(nameof(Past))]
    public void A_time_up_to_1970_has_expired(DateTimeOffset time)
    {
        using PlainSpace space = new(8 << 20);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(space), "keys");

        dictionary.Set("set"u8, "1"u8, time);
        dictionary.TryAdd("added"u8, "1"u8, time);
        dictionary.Set("plain"u8, "1"u8);
        dictionary.Expire("plain"u8, time);

        Assert.Equal(3, dictionary.ExpiringCount);
        Assert.Null(dictionary.Get("set"u8));
        Assert.Null(dictionary.Get("added"u8));
        Assert.Null(dictionary.Get("plain"u8));
        Assert.Equal(3, dictionary.RemoveExpired(int.MaxValue));
        Assert.Equal(0, dictionary.Count);
    }

    [Fact]
    public void What_expires_is_seen_once_before_it_goes()
    {
        using PlainSpace space = new(8 << 20);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(space), "keys");
        dictionary.Set("stays"u8, "1"u8);
        dictionary.Set("later"u8, "1"u8, DateTimeOffset.MaxValue);
        dictionary.Set("goes"u8, "value"u8, DateTimeOffset.UnixEpoch);
        Seen seen = new([]);

        Assert.Equal(1, dictionary.RemoveExpired(int.MaxValue, ref seen));
        Assert.Equal(0, dictionary.RemoveExpired(int.MaxValue, ref seen));

        Assert.Equal(["goes=value"], seen.Records);
        Assert.Equal(2, dictionary.Count);
    }

    [Fact]
    public void The_last_time_there_is_is_kept_and_not_reached()
    {
        using PlainSpace space = new(8 << 20);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(space), "keys");

        dictionary.Set("k"u8, "1"u8, DateTimeOffset.MaxValue);

        Look look = default;
        Assert.True(dictionary.TryRead("k"u8, ref look));
        Assert.Equal(DateTimeOffset.MaxValue.ToUnixTimeMilliseconds(), look.ExpiresAt);
        Assert.Equal(0, dictionary.RemoveExpired(int.MaxValue));
    }

    [Theory]
    [InlineData(long.MinValue, false)]
    [InlineData(-1, false)]
    [InlineData(1, false)]
    [InlineData(RecordView.NoExpiry, true)]
    [InlineData(long.MaxValue, true)]
    public void Milliseconds_of_a_plan_hold_at_both_ends(long expiresAt, bool there)
    {
        using PlainSpace space = new(8 << 20);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(space), "keys");
        Planned planned = new(expiresAt);

        dictionary.Mutate("k"u8, ref planned);

        Assert.Equal(there, dictionary.ContainsKey("k"u8));
        Assert.Equal(expiresAt == RecordView.NoExpiry ? 0 : 1, dictionary.ExpiringCount);
        Assert.Equal(there ? 0 : 1, dictionary.RemoveExpired(int.MaxValue));
    }

    public static TheoryData<long, long> Times => new(
        from before in (long[])[RecordView.NoExpiry, long.MaxValue - 1, 99_000_000_000_000]
        from after in (long[])[RecordView.NoExpiry, long.MaxValue - 1, 99_000_000_000_000]
        select (before, after));

    // A number that keeps its time is changed where it lies; one that gets another one is not.
    [Theory]
    [MemberData(nameof(Times))]
    public void A_number_gets_its_value_and_its_time_at_once(long before, long after)
    {
        using PlainSpace space = new(8 << 20);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(space), "keys");
        PlannedNumber first = new(7, before);
        dictionary.Mutate("k"u8, ref first);

        PlannedNumber second = new(8, after);
        dictionary.Mutate("k"u8, ref second);

        Look look = default;
        Assert.True(dictionary.TryRead("k"u8, ref look));
        Assert.Equal(after, look.ExpiresAt);
        Assert.Equal("8"u8.ToArray(), dictionary.Get("k"u8));
        Assert.Equal((1L, after == RecordView.NoExpiry ? 0L : 1L), (dictionary.Count, dictionary.ExpiringCount));
    }

    private readonly struct PlannedNumber(long number, long expiresAt) : IRecordMutation
    {
        public RecordChange Decide(in RecordView current) => RecordChange.PutInteger(number, expiresAt);

        public void Write(in RecordView current, Span<byte> value)
        {
            // A number is not filled.
        }
    }

    private struct Look : IRecordReader
    {
        public long ExpiresAt;

        public void Read(in RecordView record) => ExpiresAt = record.ExpiresAt;
    }

    private readonly struct Planned(long expiresAt) : IRecordMutation
    {
        public RecordChange Decide(in RecordView current) => RecordChange.Put(1, expiresAt);

        public void Write(in RecordView current, Span<byte> value) => value.Fill(1);
    }

    private readonly struct Seen(List<string> records) : IRecordVisitor
    {
        public List<string> Records => records;

        public void Visit(in RecordView record) => records.Add(Text(record.Key) + "=" + Text(record.Value));

        private static string Text(ReadOnlySpan<byte> bytes) => System.Text.Encoding.ASCII.GetString(bytes);
    }
}
