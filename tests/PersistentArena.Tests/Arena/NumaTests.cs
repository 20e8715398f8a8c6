using GuestMemFs.Native;
using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Arena;

/// <summary>
/// A region's memory comes from the nodes that were asked for, and what is told is what the kernel says.
/// </summary>
public sealed class NumaTests
{
    private const long MiB = 1 << 20;

    private static readonly int s_there = NumaNodes.WithMemory() is [var first, ..] ? first : -1;

    public static TheoryData<NumaMode> Modes => [NumaMode.Bind, NumaMode.Interleave, NumaMode.Preferred];

    [Theory]
    [MemberData(nameof(Modes))]
    public void A_policy_is_in_force_where_a_region_is_made_and_where_it_grows(NumaMode mode)
    {
        SkipWithoutNodes();
        NumaPolicy policy = Policy(mode, s_there);
        using TestMedium medium = TestMedia.Create("tmpfs");
        using PersistentArena arena = Create(medium);

        using PersistentRegion region = arena.CreateRegion("r", 4 * MiB, new RegionOptions { Numa = policy });
        region.Grow(8 * MiB);

        Assert.Equal(policy, region.ReadNuma());
        Assert.Equal(policy, MemoryPolicy.Read(region.Address + (nint)(7 * MiB)));
        Assert.Equal([new RegionPlacement("r", policy, policy)], arena.AttachReport.Placements);
        Assert.Contains($"numa     region 'r': {policy}", arena.AttachReport.ToString(), StringComparison.Ordinal);
        region.AsSpan(7 * MiB, 1)[0] = 1; // it can be used
    }

    [Fact]
    public void It_stays_with_the_file_for_those_who_open_it_later_and_can_be_changed()
    {
        SkipWithoutNodes();
        using TestMedium medium = TestMedia.Create("tmpfs");
        using (PersistentArena arena = Create(medium))
        {
            arena.CreateRegion("r", 4 * MiB, new RegionOptions { Numa = NumaPolicy.Bind(s_there) }).Dispose();
            arena.CreateRegion("plain", 4 * MiB).Dispose();
        }

        using PersistentArena again = PersistentArena.Open(new ArenaOptions { Directory = medium.Directory });
        using PersistentRegion region = again.OpenRegion("r");
        using PersistentRegion plain = again.OpenRegion("plain");
        Assert.Equal(NumaPolicy.Bind(s_there), region.ReadNuma());
        Assert.Equal(NumaMode.Local, plain.ReadNuma()!.Mode);

        var options = new RegionOptions { Numa = NumaPolicy.Interleave(s_there) };
        using PersistentRegion other = again.OpenOrGrowRegion("plain", 6 * MiB, options);
        using PersistentRegion same = again.OpenOrCreateRegion("r", 4 * MiB, options);

        Assert.Equal(NumaPolicy.Interleave(s_there), other.ReadNuma());
        Assert.Equal(NumaPolicy.Interleave(s_there), same.ReadNuma());
    }

    [Fact]
    public void A_node_that_is_not_there_is_refused_and_nothing_is_made()
    {
        SkipWithoutNodes();
        int missing = NumaNodes.WithMemory().Max() + 7;
        using TestMedium medium = TestMedia.Create("tmpfs");
        using PersistentArena arena = Create(medium);
        using PersistentRegion there = arena.CreateRegion("there", 4 * MiB);
        var options = new RegionOptions { Numa = NumaPolicy.Bind(s_there, missing) };

        var refused = Assert.Throws<NumaNodeException>(() => arena.CreateRegion("r", 4 * MiB, options));

        Assert.Equal(ReasonCodes.NumaNode, refused.ReasonCode);
        Assert.Equal(NumaNodes.WithMemory(), refused.Nodes);
        Assert.Null(arena.FindRegion("r"));
        Assert.Throws<NumaNodeException>(() => there.SetNuma(NumaPolicy.Preferred(missing)));
        Assert.Throws<NumaNodeException>(() => arena.OpenOrGrowRegion("there", 8 * MiB, options));
        Assert.Equal(4 * MiB, there.Length);
        Assert.Equal(NumaMode.Local, there.ReadNuma()!.Mode);
        Assert.Empty(arena.AttachReport.Placements);
        using PersistentRegion good = arena.CreateRegion("r", 4 * MiB);
    }

    [Fact]
    public void The_thread_has_its_own_policy_again_behind_the_call()
    {
        SkipWithoutNodes();
        using (MemoryPolicy.Enter(NumaPolicy.Bind(s_there)))
        {
            Assert.Equal(NumaMode.Bind, OfThread());
        }

        Assert.Equal(NumaMode.Local, OfThread());
    }

    [Fact]
    public void A_policy_without_nodes_or_with_negative_ones_is_none()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => NumaPolicy.Bind());
        Assert.Throws<ArgumentOutOfRangeException>(() => NumaPolicy.Preferred(-1));
        Assert.Equal("interleave:0-2,5", NumaPolicy.Interleave(5, 2, 1, 0).ToString());
        Assert.Equal([0, 1, 2, 8], NumaNodes.TryReadList("0-2,8"));
    }

    [Theory]
    [InlineData("bind:0-1,4")]
    [InlineData("interleave:0,1023")]
    [InlineData("preferred:3")]
    public void A_policy_is_read_from_what_it_writes(string text)
    {
        Assert.True(NumaPolicy.TryParse(text, out NumaPolicy? policy));

        Assert.True(NumaPolicy.TryParse(policy.ToString(), out NumaPolicy? again));
        Assert.Equal(policy, again);
    }

    [Theory]
    [InlineData("")]
    [InlineData("bind")]
    [InlineData("bind:")]
    [InlineData("local:0")]
    [InlineData("preferred:0,1")]
    [InlineData("bind:1-0")]
    [InlineData("bind:-1")]
    [InlineData("bind:0,")]
    [InlineData("bind:1024")]
    [InlineData("bind:0-2000000000")]
    public void What_is_no_policy_is_not_read(string text) =>
        Assert.False(NumaPolicy.TryParse(text, out _));

    [Theory]
    [InlineData(RegionKind.Raw, RegionReserve.Full)]
    [InlineData(RegionKind.Raw, RegionReserve.OnDemand)]
    [InlineData(RegionKind.Heap, RegionReserve.OnDemand)]
    public void An_inspection_says_policy_and_nodes_and_gives_no_page_memory(RegionKind kind, RegionReserve reserve)
    {
        SkipWithoutNodes();
        using TestMedium medium = TestMedia.Create("tmpfs");
        using PersistentArena arena = Create(medium);
        var options = new RegionOptions { Kind = kind, Reserve = reserve, Numa = NumaPolicy.Bind(s_there) };
        using PersistentRegion region = arena.CreateRegion("r", 8 * MiB, options);
        if (kind == RegionKind.Heap)
        {
            _ = PersistentHeap.Open(region);
        }
        else
        {
            region.EnsureBacked(2 * MiB, 2 * MiB);
            region.AsSpan((int)(2 * MiB), (int)(2 * MiB)).Fill(1);
        }

        long before = Taken(medium);
        using ArenaInspection inspection = ArenaInspection.Open(medium.Directory!);
        RegionNuma numa = inspection.ReadNuma("r");

        Assert.Equal(NumaPolicy.Bind(s_there), numa.Policy);
        NodeShare share = Assert.Single(numa.Nodes);
        Assert.Equal(s_there, share.Node);
        Assert.InRange(share.Pages, 1, reserve == RegionReserve.Full ? 2048 : 1024);
        Assert.False(numa.HasPagesElsewhere);
        Assert.Equal(before, Taken(medium));
    }

    [Fact]
    public void Pages_of_before_the_policy_are_told_from_its_own()
    {
        NodeShare[] shares = [new(0, 5), new(1, 2)];

        Assert.True(new RegionNuma(NumaPolicy.Bind(1), shares).HasPagesElsewhere);
        Assert.False(new RegionNuma(NumaPolicy.Bind(0, 1), shares).HasPagesElsewhere);
        Assert.False(new RegionNuma(NumaPolicy.Preferred(1), shares).HasPagesElsewhere);
        Assert.False(new RegionNuma(null, shares).HasPagesElsewhere);
    }

    [Fact]
    public void On_a_medium_whose_policy_is_the_mappings_none_is_told()
    {
        using TestMedium medium = TestMedia.Create("directory");
        using (PersistentArena arena = Create(medium))
        {
            arena.CreateRegion("r", 4 * MiB).Dispose();
        }

        using ArenaInspection inspection = ArenaInspection.Open(medium.Directory!);

        Assert.Null(inspection.ReadNuma("r").Policy);
    }

    [Fact]
    public void A_dump_is_restored_to_the_nodes_asked_for()
    {
        SkipWithoutNodes();
        using TestMedium medium = TestMedia.Create("tmpfs");
        string file = Path.Combine(Path.GetTempPath(), $"numa-{Guid.NewGuid():N}.dump");
        using PersistentArena arena = Create(medium);
        arena.CreateRegion("r", 4 * MiB).Dispose();
        try
        {
            using (ArenaInspection inspection = ArenaInspection.Open(medium.Directory!))
            {
                RegionDump.Write(inspection, "r", file, cancellationToken: TestContext.Current.CancellationToken);
            }

            var options = new RestoreOptions { Region = "again", Numa = NumaPolicy.Bind(s_there) };
            RegionDump.Restore(file, arena, options, TestContext.Current.CancellationToken);
        }
        finally
        {
            File.Delete(file);
        }

        using PersistentRegion again = arena.OpenRegion("again");
        Assert.Equal(NumaPolicy.Bind(s_there), again.ReadNuma());
    }

    // What the filesystem counts, of the directory's files.
    private static long Taken(TestMedium medium)
    {
        var du = new System.Diagnostics.ProcessStartInfo("du", ["-s", "-B1", medium.Directory!])
        {
            RedirectStandardOutput = true,
        };
        using var process = System.Diagnostics.Process.Start(du)!;
        string text = process.StandardOutput.ReadToEnd();
        return long.Parse(text.Split('\t')[0], System.Globalization.CultureInfo.InvariantCulture);
    }

    private static NumaPolicy Policy(NumaMode mode, int node) => mode switch
    {
        NumaMode.Bind => NumaPolicy.Bind(node),
        NumaMode.Interleave => NumaPolicy.Interleave(node),
        _ => NumaPolicy.Preferred(node),
    };

    // A mapping of its own has no policy but the thread's. The kernel may join it to the one below it, which then
    // has the line: the last line that begins at the address or below it is the one.
    private static NumaMode OfThread()
    {
        using var memory = new AddressReservation(2 * MiB, 2 * MiB);
        string line = File.ReadLines("/proc/thread-self/numa_maps").Last(it => Start(it) <= memory.Address);
        return line.Split(' ')[1].Split(':')[0] switch
        {
            "bind" => NumaMode.Bind,
            "default" or "local" => NumaMode.Local,
            var other => throw new InvalidDataException(other),
        };
    }

    private static nint Start(string line) => nint.Parse(
        line.AsSpan(0, line.IndexOf(' ', StringComparison.Ordinal)),
        System.Globalization.NumberStyles.HexNumber,
        System.Globalization.CultureInfo.InvariantCulture);

    private static PersistentArena Create(TestMedium medium) =>
        PersistentArena.Create(new ArenaOptions { Directory = medium.Directory });

    private static void SkipWithoutNodes() =>
        Assert.SkipWhen(s_there < 0, "The kernel tells no NUMA nodes (/sys/devices/system/node).");
}
