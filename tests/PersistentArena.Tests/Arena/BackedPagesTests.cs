using GuestMemFs.Arena;

namespace GuestMemFs.Tests.Arena;

/// <summary>What is noted as backed is never more than was: a page of which only a part was taken is asked for again.</summary>
public class BackedPagesTests
{
    private const long MiB = 1 << 20;

    [Fact]
    public void Only_whole_pages_are_noted()
    {
        var pages = new BackedPages();
        pages.Grow(300 * MiB);
        Assert.False(pages.Contains(0, 1));

        pages.Add(MiB, 4 * MiB); // The second page whole, halves of the first and the third.
        Assert.True(pages.Contains(2 * MiB, 2 * MiB));
        Assert.True(pages.Contains((4 * MiB) - 1, 1));
        Assert.False(pages.Contains((2 * MiB) - 1, 2));
        Assert.False(pages.Contains((4 * MiB) - 1, 2));

        pages.Add(0, 2 * MiB);
        Assert.True(pages.Contains(0, 4 * MiB));
        pages.Add(128 * MiB, 172 * MiB); // Across words.
        Assert.True(pages.Contains(128 * MiB, 172 * MiB));
        Assert.False(pages.Contains(126 * MiB, 4 * MiB));
    }

    [Fact]
    public void Growth_keeps_what_is_known_and_knows_nothing_of_what_is_new()
    {
        var pages = new BackedPages();
        pages.Grow(2 * MiB);
        pages.Add(0, 2 * MiB);
        Assert.False(pages.Contains(0, 200 * MiB));
        pages.Grow(2048 * MiB);
        Assert.True(pages.Contains(0, 2 * MiB));
        Assert.False(pages.Contains(2 * MiB, 1));
        pages.Add(2046 * MiB, 2 * MiB);
        Assert.True(pages.Contains(2046 * MiB, 2 * MiB));
    }
}
