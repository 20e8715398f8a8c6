using System.Diagnostics;
using System.Text;
using KvStore.Protocol;

namespace KvStore.Tests.Protocol;

public sealed class NumbersAndGlobTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(9)]
    [InlineData(10)]
    [InlineData(-1)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    [InlineData(1234567890123)]
    public void Integers_come_back_as_they_were_written(long value)
    {
        byte[] buffer = new byte[Numbers.MaxIntegerLength];
        int length = Numbers.Format(value, buffer);
        Assert.Equal(value.ToString(System.Globalization.CultureInfo.InvariantCulture),
            Encoding.ASCII.GetString(buffer, 0, length));
        Assert.Equal(length, Numbers.Length(value));
        Assert.True(Numbers.TryParse(buffer.AsSpan(0, length), out long read));
        Assert.Equal(value, read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("-0")]
    [InlineData("01")]
    [InlineData("+1")]
    [InlineData(" 1")]
    [InlineData("1 ")]
    [InlineData("9223372036854775808")]
    [InlineData("-9223372036854775809")]
    [InlineData("99999999999999999999")]
    public void What_is_no_integer_is_refused(string text) =>
        Assert.False(Numbers.TryParse(Encoding.ASCII.GetBytes(text), out _));

    [Fact]
    public void A_pattern_full_of_stars_takes_no_exponential_time()
    {
        byte[] pattern = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("a*", 1000)) + "b");
        byte[] text = Encoding.ASCII.GetBytes(new string('a', 10_000));
        TimeSpan took = ThreadTime.Of(() => Assert.False(Glob.IsMatch(pattern, text)));
        Assert.InRange(took.TotalSeconds, 0, 5);
    }
}
