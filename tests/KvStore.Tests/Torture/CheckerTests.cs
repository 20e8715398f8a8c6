namespace KvStore.Tests.Torture;

/// <summary>
/// The checker must see what it is there to see: each kind of damage that a crash could do, done on purpose.
/// </summary>
public sealed class CheckerTests
{
    private static readonly Instant s_during = new(1_000, 2_000);
    private readonly Dictionary<string, Entry> _acknowledged = new()
    {
        ["a"] = new Entry("1"u8.ToArray()),
        ["b"] = new Entry("old"u8.ToArray(), Instant.Exactly(900_000)),
    };

    private readonly Operation[] _inFlight =
    [
        One("SET", "c", "new"),
        One("MSET", "a", "2", "b", "changed"),
        new([Command.Of("RENAME", "a", "d"), Command.Of("INCR", "d")], IsTransaction: true),
        One("EXPIRE", "d", "100"),
    ];

    [Fact]
    public void Every_prefix_of_what_was_in_flight_is_accepted()
    {
        var oracle = new Oracle(_acknowledged);
        Assert.Equal(0, Judge(oracle.Entries));
        for (int i = 0; i < _inFlight.Length; i++)
        {
            _inFlight[i].ExecuteOn(oracle, Instant.Exactly(1_500));
            Assert.Equal(i + 1, Judge(oracle.Entries));
        }
    }

    [Fact]
    public void A_deletion_of_several_keys_may_be_half_done_where_room_is_short_and_in_its_order_only()
    {
        Operation[] deletion = [One("DEL", "a", "b")];
        var first = new Dictionary<string, Entry> { ["b"] = _acknowledged["b"] };
        Assert.Throws<TortureException>(() => Checker.Judge(new Oracle(_acknowledged), deletion, first, s_during));
        Assert.Equal(1, Checker.Judge(new Oracle(_acknowledged), deletion, first, s_during, tight: true));
        Assert.Throws<TortureException>(() => Checker.Judge(new Oracle(_acknowledged), deletion,
            new Dictionary<string, Entry> { ["a"] = _acknowledged["a"] }, s_during, tight: true));
    }

    [Fact]
    public void A_lost_acknowledged_write_is_seen() => Refused(found => found.Remove("a"), "a: lost");

    [Fact]
    public void An_older_value_is_seen() =>
        Refused(found => found["b"] = found["b"] with { Value = "older"u8.ToArray() }, "b: should be");

    [Fact]
    public void A_torn_value_is_seen()
    {
        byte[] value = SelfDescribingValue.Make(new Random(1), "b", 7);
        while (value.Length < 100)
        {
            value = SelfDescribingValue.Make(new Random(value.Length), "b", 7);
        }

        Assert.EndsWith("checksum fits", SelfDescribingValue.Explain(value), StringComparison.Ordinal);
        Assert.EndsWith("torn", SelfDescribingValue.Explain(value.AsSpan(0, value.Length / 2)),
            StringComparison.Ordinal);
        _acknowledged["b"] = new Entry(value);
        byte[] torn = [.. value];
        torn[value.Length / 2] ^= 1;
        Refused(found => found["b"] = new Entry(torn), "its checksum does not fit");
    }

    [Fact]
    public void Half_an_MSET_is_seen() => Refused(
        found =>
        {
            found["c"] = new Entry("new"u8.ToArray());
            found["a"] = new Entry("2"u8.ToArray());
        },
        "Nearest is the one after 1");

    [Fact]
    public void A_write_that_overtook_another_is_seen() =>
        Refused(found => found["a"] = new Entry("2"u8.ToArray()), "Nearest is");

    [Fact]
    public void A_key_from_nowhere_is_seen() => Refused(found => found["x"] = new Entry([]), "x: should not be there");

    [Fact]
    public void A_lost_or_wrong_expiry_is_seen()
    {
        Refused(found => found["b"] = found["b"] with { Expiry = null }, "b: should expire");
        Refused(found => found["b"] = found["b"] with { Expiry = Instant.Exactly(900_001) }, "b: should expire");
        Refused(found => found["a"] = found["a"] with { Expiry = Instant.Exactly(900_001) }, "a: should expire");
    }

    private static Operation One(params string[] arguments) =>
        new([new Command([.. arguments.Select(System.Text.Encoding.ASCII.GetBytes)])], IsTransaction: false);

    private int Judge(Dictionary<string, Entry> found) =>
        Checker.Judge(new Oracle(_acknowledged), _inFlight, new Dictionary<string, Entry>(found), s_during);

    private void Refused(Action<Dictionary<string, Entry>> damage, string why)
    {
        var found = new Dictionary<string, Entry>(_acknowledged);
        damage(found);
        var e = Assert.Throws<TortureException>(() => Judge(found));
        Assert.Contains(why, e.Message, StringComparison.Ordinal);
    }
}
