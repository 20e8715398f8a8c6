using GuestMemFs.Journal;

namespace GuestMemFs.Tests.Journal;

/// <summary>Which files are a region's, by their generation and the journal's.</summary>
public sealed class RegionGenerationTests
{
    private const uint Any = uint.MaxValue;

    [Theory]
    [InlineData(0u, 0u, 0u, true)]
    [InlineData(0u, 0u, 9u, true)] // no writer that knows of generations has opened it
    [InlineData(5u, 0u, 5u, true)]
    [InlineData(5u, 0u, 4u, false)]
    [InlineData(5u, 0u, 0u, false)]
    [InlineData(5u, 4u, 5u, true)] // while the files are stamped, either
    [InlineData(5u, 4u, 4u, true)]
    [InlineData(5u, 4u, 3u, false)]
    [InlineData(5u, 4u, 0u, false)]
    [InlineData(5u, Any, 3u, true)] // they may have any
    [InlineData(5u, Any, 0u, true)]
    public void A_file_is_the_journals_where_it_has_its_generation(
        uint current, uint previous, uint found, bool accepted)
    {
        RegionGeneration generation = new(current, previous);

        Assert.Equal(accepted, generation.Accepts(found));
        Assert.Equal(previous != 0, generation.IsStamping);
        Assert.Equal(generation, RegionGeneration.Of(generation.Word));
        Assert.Equal((current, previous), ((uint)generation.Word, (uint)(generation.Word >> 32)));
    }

    [Fact]
    public void An_opening_draws_another_one_and_keeps_the_one_before_until_all_are_stamped()
    {
        RegionGeneration first = default(RegionGeneration).Begin();
        Assert.Equal(Any, first.Previous);
        Assert.NotEqual(0u, first.Current);
        RegionGeneration settled = first.End();
        Assert.Equal(new RegionGeneration(first.Current, 0), settled);

        RegionGeneration next = settled.Begin();

        Assert.Equal(settled.Current, next.Previous);
        Assert.Equal(next, next.Begin()); // one that was interrupted takes the same
        Assert.Equal(new RegionGeneration(next.Current, 0), next.End());
        Assert.Equal(0u, RegionGeneration.Draw().Previous);
        Assert.InRange(Enumerable.Range(0, 20).Select(_ => RegionGeneration.Draw().Current).Distinct().Count(), 19, 20);
    }
}
