using System.Text;
using KvStore.Protocol;

namespace KvStore.Tests.Protocol;

public sealed class RequestParserTests
{
    private const string Frames =
        "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\nhe\r\no\r\n*0\r\n\r\nECHO \"a b\" " +
        "'c'\r\n*1\r\n$4\r\nPING\r\n*-1\r\n*2\r\n$3\r\nGET\r\n$12\r\nabcdefghijkl\r\nPING\n*2\r\n$0\r\n\r\n$0\r\n\r\n";

    private static readonly string[] s_expected = ["SET|a|he\r\no", "ECHO|a b|c", "PING", "GET|abcdefghijkl", "PING",
        "|"];

    /// <summary>However the bytes arrive, the frames are the same: all cuts into two, and byte by byte.</summary>
    [Fact]
    public void Frames_do_not_depend_on_how_their_bytes_arrive()
    {
        byte[] bytes = Encoding.Latin1.GetBytes(Frames);
        Assert.Equal(s_expected, Feed(bytes, [bytes.Length]));
        Assert.Equal(s_expected, Feed(bytes, Enumerable.Range(1, bytes.Length)));
        for (int cut = 1; cut < bytes.Length; cut++)
        {
            Assert.Equal(s_expected, Feed(bytes, [cut, bytes.Length]));
        }
    }

    [Fact]
    public void What_is_needed_is_said_so_that_a_large_value_is_waited_for_once()
    {
        var parser = new RequestParser(new ProtocolLimits());
        int position = 0;
        Assert.Equal(ParseStatus.NeedMore,
            parser.TryParse("*2\r\n$3\r\nGET\r\n$1000000\r\nabc"u8, ref position, out _));
        Assert.Equal("*2\r\n$3\r\nGET\r\n$1000000\r\n".Length + 1_000_000 + 2, parser.Needed);
    }

    /// <summary>Many arguments, a few bytes at a time, are looked at once each: in steps, not in squares.</summary>
    [Fact]
    public void A_frame_in_many_pieces_is_parsed_once()
    {
        const int Count = 200_000;
        byte[] bytes = Encoding.Latin1.GetBytes(
            $"*{Count}\r\n" + string.Concat(Enumerable.Repeat("$1\r\nx\r\n", Count)));
        var parser = new RequestParser(new ProtocolLimits());
        int position = 0;
        for (int end = 10; end < bytes.Length; end += 10)
        {
            Assert.Equal(ParseStatus.NeedMore, parser.TryParse(bytes.AsSpan(0, end), ref position, out _));
            parser.Clear();
            parser.Rebase(position);
        }

        Assert.Equal(ParseStatus.Frame, parser.TryParse(bytes, ref position, out Frame frame));
        Assert.Equal(Count, frame.Count);
        Assert.Equal(bytes.Length, position);
    }

    [Theory]
    [InlineData("*17\r\n", "Protocol error: invalid multibulk length")]
    [InlineData("*1\r\n$101\r\n", "Protocol error: invalid bulk length")]
    public void Limits_are_options(string bytes, string error)
    {
        var parser = new RequestParser(new ProtocolLimits { MaxMultibulkLength = 16, MaxBulkLength = 100 });
        int position = 0;
        Assert.Equal(ParseStatus.Error, parser.TryParse(Encoding.Latin1.GetBytes(bytes), ref position, out _));
        Assert.Equal(error, parser.Error);
    }

    private static List<string> Feed(byte[] bytes, IEnumerable<int> ends)
    {
        var parser = new RequestParser(new ProtocolLimits());
        List<string> frames = [];
        int start = 0;
        foreach (int end in ends)
        {
            ReadOnlySpan<byte> buffer = bytes.AsSpan(start, end - start);
            int position = 0;
            while (parser.TryParse(buffer, ref position, out Frame frame) == ParseStatus.Frame)
            {
                frames.Add(Join(parser.Arguments(buffer, frame)));
                parser.Clear();
            }

            Assert.Null(parser.Error);
            parser.Clear();
            parser.Rebase(position);
            start += position;
        }

        Assert.Equal(bytes.Length, start);
        return frames;
    }

    private static string Join(Arguments args)
    {
        List<string> texts = [];
        for (int i = 0; i < args.Count; i++)
        {
            texts.Add(args.Text(i));
        }

        return string.Join('|', texts);
    }
}
