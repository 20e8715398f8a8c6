using KvStore.Commands;

namespace KvStore.Tests.Commands;

/// <summary>Cells of the map: a search looks through few of them, and misses nothing.</summary>
public sealed class GeoShapeTests(ITestOutputHelper output)
{
    private const int Points = 10_000;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Cells_of_a_search_hold_every_point_that_it_contains(int seed)
    {
        output.WriteLine($"seed {seed}");
        Random random = new(seed);
        GeoPoint[] points = RandomPoints(random);
        int contained = 0;

        for (int i = 0; i < 300; i++)
        {
            GeoShape shape = RandomShape(random);
            List<GeoCell> cells = shape.Cells();
            Assert.InRange(cells.Count, 1, 9);
            Assert.Equal(cells.Count, cells.Distinct().Count());
            foreach (GeoPoint point in points)
            {
                if (shape.Contains(point, out _))
                {
                    contained++;
                    Assert.True(cells.Exists(cell => Holds(cell, point)), $"search {i} misses {point}");
                }
            }
        }

        Assert.InRange(contained, 500, int.MaxValue);
    }

    [Fact]
    public void A_small_search_looks_at_few_of_the_points()
    {
        Random random = new(3);
        GeoPoint[] points = RandomPoints(random);

        for (int i = 0; i < 100; i++)
        {
            GeoShape shape = new() { Center = points[i], Radius = 100, UnitMetres = 1000 };
            List<GeoCell> cells = shape.Cells();

            int seen = points.Count(point => cells.Exists(cell => Holds(cell, point)));

            Assert.InRange(seen, 1, Points / 50);
        }
    }

    [Fact]
    public void A_score_stands_for_a_point_within_a_metre_and_comes_back_the_same()
    {
        foreach (GeoPoint point in RandomPoints(new Random(4)))
        {
            double score = GeoCell.Of(point, GeoCell.MaximumSteps).Score;

            GeoPoint shown = GeoCell.PointOf(score);

            Assert.InRange(GeoShape.Distance(point, shown), 0, 1);
            Assert.Equal(score, GeoCell.Of(shown, GeoCell.MaximumSteps).Score);
        }
    }

    [Fact]
    public void Neighbours_go_around_the_earth()
    {
        GeoCell cell = GeoCell.Of(new GeoPoint(179.9, 10), 9);

        Assert.Equal(GeoCell.Of(new GeoPoint(-179.9, 10), 9), cell.Neighbour(1, 0));
        Assert.Equal(cell, cell.Neighbour(1, 0).Neighbour(-1, 0));
        Assert.Equal(cell, cell.Neighbour(-1, 1).Neighbour(1, -1));
    }

    private static bool Holds(GeoCell cell, GeoPoint point)
    {
        double score = GeoCell.Of(point, GeoCell.MaximumSteps).Score;
        return score >= cell.LeastScore && score < cell.NextScore;
    }

    private static GeoPoint[] RandomPoints(Random random) =>
        [.. Enumerable.Range(0, Points).Select(_ =>
            new GeoPoint((random.NextDouble() * 360) - 180, (random.NextDouble() * 168) - 84))];

    private static GeoShape RandomShape(Random random)
    {
        GeoPoint center = new((random.NextDouble() * 360) - 180, (random.NextDouble() * 156) - 78);
        double Length() => Math.Pow(10, 3 + (random.NextDouble() * 3));
        return random.Next(2) == 0
            ? new GeoShape { Center = center, Radius = Length(), UnitMetres = 1 }
            : new GeoShape { Center = center, IsBox = true, Width = Length(), Height = Length(), UnitMetres = 1 };
    }
}
