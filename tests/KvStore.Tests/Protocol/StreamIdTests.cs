using System.Text;
using KvStore.Protocol;

namespace KvStore.Tests.Protocol;

public sealed class StreamIdTests
{
    [Theory]
    [InlineData("0-0", "0-0")]
    [InlineData("7", "7-3")]
    [InlineData("007-+5", "7-5")]
    [InlineData("18446744073709551615-18446744073709551615", "18446744073709551615-18446744073709551615")]
    [InlineData("1--1", null)]
    [InlineData("18446744073709551616", null)]
    [InlineData("", null)]
    [InlineData("-", null)]
    [InlineData("1-", null)]
    [InlineData("1-*", null)]
    [InlineData(" 1", null)]
    [InlineData("1-2-3", null)]
    public void An_id_is_read_and_written(string text, string? expected)
    {
        bool isId = StreamId.TryParse(Encoding.ASCII.GetBytes(text), 3, out StreamId id);

        byte[] written = new byte[StreamId.LongestText];
        Assert.Equal(expected, isId ? Encoding.ASCII.GetString(written, 0, id.Format(written)) : null);
    }

    [Fact]
    public void Ids_and_their_bytes_are_in_one_order()
    {
        StreamId[] ids =
        [
            StreamId.Zero, new(0, 1), new(0, ulong.MaxValue), new(1, 0), new(255, 256), new(256, 0),
            new(ulong.MaxValue, 0), StreamId.Last,
        ];
        byte[][] keys = [.. ids.Select(Bytes)];

        for (int i = 1; i < ids.Length; i++)
        {
            Assert.True(ids[i - 1] < ids[i]);
            Assert.True(keys[i - 1].AsSpan().SequenceCompareTo(keys[i]) < 0);
            Assert.Equal(ids[i], StreamId.Read(keys[i]));
            Assert.True(ids[i].TryPrevious(out StreamId before) && before.TryNext(out StreamId back) && back == ids[i]);
        }

        Assert.False(StreamId.Zero.TryPrevious(out _));
        Assert.False(StreamId.Last.TryNext(out _));
    }

    private static byte[] Bytes(StreamId id)
    {
        byte[] bytes = new byte[StreamId.Length];
        id.Write(bytes);
        return bytes;
    }
}
