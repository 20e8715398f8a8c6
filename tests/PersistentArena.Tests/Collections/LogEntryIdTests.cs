using System.Globalization;

namespace GuestMemFs.Tests.Collections;

/// <summary>An id as text, and back.</summary>
public sealed class LogEntryIdTests
{
    [Theory]
    [InlineData("0-0", 0UL, 0UL)]
    [InlineData("5-0", 5UL, 0UL)]
    [InlineData("1700000000000-12", 1_700_000_000_000UL, 12UL)]
    [InlineData("18446744073709551615-18446744073709551615", ulong.MaxValue, ulong.MaxValue)]
    public void What_an_id_is_written_as_is_read(string text, ulong milliseconds, ulong sequence)
    {
        LogEntryId id = new(milliseconds, sequence);

        Assert.Equal(text, id.ToString());
        Assert.Equal(id, LogEntryId.Parse(text, CultureInfo.InvariantCulture));
        Assert.True(LogEntryId.TryParse(text.AsSpan(), null, out LogEntryId read));
        Assert.Equal(id, read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("5")]
    [InlineData("-5")]
    [InlineData("5-")]
    [InlineData("a-1")]
    [InlineData("1-a")]
    [InlineData("1-2-3")]
    [InlineData("18446744073709551616-0")]
    public void What_is_no_id_is_refused(string text)
    {
        Assert.False(LogEntryId.TryParse(text.AsSpan(), null, out LogEntryId id));
        Assert.Equal(default, id);
        Assert.Throws<FormatException>(() => LogEntryId.Parse(text, CultureInfo.InvariantCulture));
    }

    [Fact]
    public void Ids_are_ordered_by_their_milliseconds_and_then_by_their_sequence()
    {
        ulong[] numbers = [0, 1, 2, ulong.MaxValue - 1, ulong.MaxValue];
        LogEntryId[] ids = [.. from first in numbers from second in numbers select new LogEntryId(first, second)];
        for (int i = 0; i < ids.Length; i++)
        {
            for (int j = 0; j < ids.Length; j++)
            {
                Assert.Equal(i.CompareTo(j), ids[i].CompareTo(ids[j]));
                Assert.Equal((i < j, i <= j, i > j, i >= j, i == j), (ids[i] < ids[j], ids[i] <= ids[j],
                    ids[i] > ids[j], ids[i] >= ids[j], ids[i] == ids[j]));
            }
        }
    }
}
