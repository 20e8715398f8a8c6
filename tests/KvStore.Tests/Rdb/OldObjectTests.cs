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
