using System.Diagnostics;
using System.Globalization;
using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Arena;

/// <summary>An arena of 10,000 regions, in metadata of the default size.</summary>
public class ManyRegionsTests(ITestOutputHelper output)
{
    private const int Regions = 10_000;

    [Fact]
    public void Ten_thousand_regions_open_fast()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        var options = new RegionOptions { Reserve = RegionReserve.OnDemand, MaximumLength = 4L << 20 };
        var clock = Stopwatch.StartNew();
        using (PersistentArena arena = PersistentArena.Create(Options(medium)))
        {
            for (int i = 0; i < Regions; i++)
            {
                arena.CreateRegion(Name(i), 2L << 20, options).Dispose();
            }

            output.WriteLine($"created in {clock.ElapsedMilliseconds} ms; {arena.GetSpace()}");
        }

        var clean = new List<double>();
        for (int i = 0; i < 5; i++)
        {
            clock.Restart();
            using PersistentArena arena = PersistentArena.Open(Options(medium));
            clean.Add(clock.Elapsed.TotalMilliseconds);
            Assert.Equal(Regions, arena.AttachReport.Regions);
            output.WriteLine(arena.AttachReport.ToString());
            using PersistentRegion last = arena.OpenRegion(Name(Regions - 1));
            if (i == 3)
            {
                arena.Abandon();
            }
        }

        var times = clean.Select(ms => ms.ToString("0.0", CultureInfo.InvariantCulture));
        output.WriteLine($"opened in {string.Join(", ", times)} ms, the last after a kill");

        // 50 ms is the promise, and it is kept with a wide margin on an idle machine; the bound allows for a busy one.
        Assert.True(clean.Take(4).Min() < 50, "clean open");
        Assert.True(clean[4] < 500, "open after a kill");

        static ArenaOptions Options(TestMedium medium) => new() { Medium = medium.Open() };
    }

    private static string Name(int i) => string.Create(CultureInfo.InvariantCulture,
        $"tenant-{i}/a-name-of-middling-length");
}
