using System.Globalization;
using System.Text;
using KvStore.Demo;
using KvStore.Rdb;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Rdb;

/// <summary>Dumps in every form that RESTORE has to take, written by hand: current servers do not write most.</summary>
public sealed class OldObjectTests(SharedServer shared, ITestOutputHelper output) : IClassFixture<SharedServer>
{
    public static IEnumerable<TheoryDataRow<string>> Names =>
        OldObject.All.Select(it => new TheoryDataRow<string>(it.Name));

    [Theory]
    [MemberData(nameof(Names))]
    public void An_object_in_an_old_form_is_what_it_was(string name)
    {
        OldObject old = OldObject.All.First(it => it.Name == name);
        byte[] payload = Bytes.Payload(old.Content, old.IsOfVersion10 ? 9 : 12);
        using TextClient client = new(shared.Emptied().Process.TcpEndPoint);

        string restored = client.Call("RESTORE", "k", "0", Encoding.Latin1.GetString(payload));

        Assert.Equal("+OK\r\n", restored);
        Assert.Equal(old.Answer, Ask(client, old));
    }

    /// <summary>What is expected above is what redis-server makes of the same bytes.</summary>
    [Fact]
    public void Redis_takes_the_same_bytes_for_the_same_objects()
    {
        using RunningServer redis = new(ServerProgram.Redis(Tool.Require("redis-server")));
        using TextClient client = new(redis.Process.TcpEndPoint);
        OldObject[] known = [.. OldObject.All.Where(it => it.IsOfVersion10)];

        foreach (OldObject old in known)
        {
            string payload = Encoding.Latin1.GetString(Bytes.Payload(old.Content, 9));
            Assert.Equal($"{old.Name}: +OK\r\n", $"{old.Name}: {client.Call("RESTORE", "k", "0", payload, "REPLACE")}");
            Assert.Equal($"{old.Name}: {old.Answer}", $"{old.Name}: {Ask(client, old)}");
        }

        output.WriteLine($"{known.Length} of {OldObject.All.Count} objects; the others are of later versions");
        Assert.True(known.Length > 25);
    }

    /// <summary>A dump of what was restored is restored to the same once more.</summary>
    [Fact]
    public void A_dump_of_an_old_object_says_the_same()
    {
        using TextClient client = new(shared.Emptied().Process.TcpEndPoint);
        foreach (OldObject old in OldObject.All)
        {
            client.Call("RESTORE", "a", "0", Encoding.Latin1.GetString(Bytes.Payload(old.Content, 12)), "REPLACE");
            string dump = client.Call("DUMP", "a");
            string payload = dump[(dump.IndexOf('\n', StringComparison.Ordinal) + 1)..^2];

            Assert.Equal("+OK\r\n", client.Call("RESTORE", "k", "0", payload, "REPLACE"));
            Assert.Equal($"{old.Name}: {old.Answer}", $"{old.Name}: {Ask(client, old)}");
        }
    }

    [Theory]
    [InlineData("02 02 01 'a' 01 'a'", "a set with a member twice")]
    [InlineData("04 02 01 'a' 01 'b' 01 'a' 01 'c'", "a hash with a field twice")]
    [InlineData("05 02 01 'a' 00 00 00 00 00 00 F8 3F 01 'a' 00 00 00 00 00 00 F8 3F", "a sorted set with one twice")]
    [InlineData("05 01 01 'a' 00 00 00 00 00 00 F8 7F", "a score that is not a number")]
    [InlineData("03 01 01 'a' FD", "a score in text that is not a number")]
    [InlineData("03 01 01 'a' 03 'abc'", "a score in text that is none")]
    [InlineData("01 00", "a list without elements")]
    [InlineData("04 00", "a hash without fields")]
    [InlineData("0B 08 02 00 00 00 00 00 00 00", "an intset without numbers")]
    [InlineData("0B 0C 02 00 00 00 02 00 00 00 02 00 01 00", "an intset that is not in order")]
    [InlineData("0B 0B 03 00 00 00 01 00 00 00 02 00 01", "an intset of a width that is none")]
    [InlineData("10 0D 0D 00 00 00 02 00 81 'a' 02 05 01 FF FF", "a listpack with an end in its middle")]
    [InlineData("10 0C 0C 00 00 00 01 00 81 'a' 02 05 01 FF", "a listpack with another number of elements")]
    [InlineData("10 0C 0C 00 00 00 02 00 81 'a' 03 05 01 FF", "an element with another length behind it")]
    [InlineData("10 0A 0A 00 00 00 01 00 81 'a' 02 FF", "a hash with a field and no value")]
    [InlineData("0A 0F 0F 00 00 00 0A 00 00 00 01 00 05 01 'a' FF", "a ziplist whose first element has one before it")]
    [InlineData("0A 0E 0E 00 00 00 0B 00 00 00 01 00 00 01 'a' FF", "a ziplist whose last element is elsewhere")]
    [InlineData("09 08 02 01 'a' 01 00 'b' FF FF", "a zipmap with another number of fields")]
    [InlineData("12 01 03 01 'a'", "a list with a node of a kind that is not known")]
    [InlineData("16 01 81 FF FF FF FF FF FF FF FF 01 'a' 01 'b'", "a field that expires after all times")]
    [InlineData("13 00 01 05 03 00 00 05 03 07 00", "a stream with fewer entries than it says")]
    [InlineData("13 00 00 05 03 00 00 05 03 07 02 01 'g' 00 00 00 00 00 01 'g' 00 00 00 00 00", "a group twice")]
    [InlineData("13 00 00 05 03 00 00 05 03 07 01 01 'g' 00 00 00 01 00 00 00 00 00 00 00 05 00 00 00 00 00 00 00 01 "
        + "E8 03 00 00 00 00 00 00 03 00", "an entry to be acknowledged by nobody")]
    [InlineData("06 00", "a module's type")]
    [InlineData("1A 00", "a type that is not known")]
    [InlineData("F5 01 'a'", "a library of functions")]
    public void An_object_that_cannot_be_is_refused_and_nothing_changes(string written, string what)
    {
        using TextClient client = new(shared.Emptied().Process.TcpEndPoint);
        client.Call("SET", "k", what);
        string payload = Encoding.Latin1.GetString(Bytes.Payload(Bytes.Of(written), 12));

        string reply = client.Call("RESTORE", "k", "0", payload, "REPLACE");

        Assert.Equal($"{what}: -ERR Bad data format\r\n", $"{what}: {reply}");
        Assert.Equal($"${what.Length}\r\n{what}\r\n", client.Call("GET", "k"));
    }

    /// <summary>Entries of a stream that are not in order, or are counted wrong.</summary>
    [Theory]
    [InlineData("02 01  00 01  01 01  81 'f' 02  00 01   02 01 00 01 00 01 81 'x' 02 04 01   "
        + "02 01 00 01 00 01 81 'y' 02 04 01", 15)]
    [InlineData("02 01  01 01  01 01  81 'f' 02  00 01   02 01 00 01 00 01 81 'x' 02 04 01   "
        + "02 01 00 01 01 01 81 'y' 02 04 01", 15)]
    [InlineData("02 01  00 01  01 01  81 'f' 02  00 01   02 01 00 01 00 01 81 'x' 02 05 01   "
        + "02 01 00 01 01 01 81 'y' 02 04 01", 15)]
    public void A_node_of_a_stream_that_is_wrong_is_refused(string elements, int count)
    {
        using TextClient client = new(shared.Emptied().Process.TcpEndPoint);
        byte[] id = Bytes.Of("00 00 00 00 00 00 00 05 00 00 00 00 00 00 00 01");
        byte[] content = [0x0F, 1, .. Bytes.String(id), .. Bytes.String(Bytes.Listpack(elements, count)),
            .. Bytes.Of("02 05 09 00")];

        string payload = Encoding.Latin1.GetString(Bytes.Payload(content));

        Assert.Equal("-ERR Bad data format\r\n", client.Call("RESTORE", "k", "0", payload));
        Assert.Equal(":0\r\n", client.Call("EXISTS", "k"));
    }

    [Fact]
    public void The_checksum_is_that_of_all_dumps()
    {
        Assert.Equal(0xE9C6_D914_C4B8_D9CA, Crc64.Append(0, "123456789"u8));
        Assert.Equal(
            Crc64.Append(0, "a longer text, of which eight bytes are taken at once"u8),
            Crc64.Append(Crc64.Append(0, "a longer text, of which ei"u8), "ght bytes are taken at once"u8));
    }

    /// <summary>
    /// Every one of them is refused with one byte less, and with one that is another, where the checksum was made for
    /// what is left: nothing is read outside of the bytes, and what is there stays.
    /// </summary>
    [Fact]
    [Trait("speed", "slow")]
    public void An_object_that_ends_early_is_refused_and_nothing_changes()
    {
        using TextClient client = new(shared.Emptied().Process.TcpEndPoint);
        Assert.Equal("+OK\r\n", client.Call("SET", "k", "kept"));
        int refused = 0;
        foreach (OldObject old in OldObject.All)
        {
            for (int length = 0; length < old.Content.Length; length++)
            {
                string cut = Encoding.Latin1.GetString(Bytes.Payload(old.Content[..length], 12));
                Assert.Equal("-ERR Bad data format\r\n", client.Call("RESTORE", "k", "0", cut, "REPLACE"));
                refused++;
            }
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{refused} payloads"));
        Assert.Equal("$4\r\nkept\r\n", client.Call("GET", "k"));
        Assert.Equal(":1\r\n", client.Call("DBSIZE"));
    }

    private static string Ask(TextClient client, OldObject old) =>
        client.Call(old.Question.Split(' ')).Replace("\r\n", "|", StringComparison.Ordinal);
}
