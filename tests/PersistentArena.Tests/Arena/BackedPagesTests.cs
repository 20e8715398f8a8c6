using GuestMemFs.Arena;

namespace GuestMemFs.Tests.Arena;

/// <summary>
/// What is noted as backed is never more than was: a page of which only a part was taken is asked for again.
/// </summary>
public class BackedPagesTests
{
    // Half of what a bit stands for.
    private const long Half = 32 << 10;

    [Fact]
    public void Only_whole_pages_are_noted()
    {
        var pages = new BackedPages();
        pages.Grow(300 * Half);
        Assert.False(pages.Contains(0, 1));

        pages.Add(Half, 4 * Half); // The second page whole, halves of the first and the third.
        Assert.True(pages.Contains(2 * Half, 2 * Half));
        Assert.True(pages.Contains((4 * Half) - 1, 1));
        Assert.False(pages.Contains((2 * Half) - 1, 2));
        Assert.False(pages.Contains((4 * Half) - 1, 2));

        pages.Add(0, 2 * Half);
        Assert.True(pages.Contains(0, 4 * Half));
        pages.Add(128 * Half, 172 * Half); // Across words.
        Assert.True(pages.Contains(128 * Half, 172 * Half));
        Assert.False(pages.Contains(126 * Half, 4 * Half));
    }

    [Fact]
    public void Growth_keeps_what_is_known_and_knows_nothing_of_what_is_new()
    {
        var pages = new BackedPages();
        pages.Grow(2 * Half);
        pages.Add(0, 2 * Half);
        Assert.False(pages.Contains(0, 200 * Half));
        pages.Grow(2048 * Half);
        Assert.True(pages.Contains(0, 2 * Half));
        Assert.False(pages.Contains(2 * Half, 1));
        pages.Add(2046 * Half, 2 * Half);
        Assert.True(pages.Contains(2046 * Half, 2 * Half));
    }
}
