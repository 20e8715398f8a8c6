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
        Assert.Equal([0, 1, 2, 8], NumaNodes.ReadList("0-2,8\n"));
    }

    private static NumaPolicy Policy(NumaMode mode, int node) => mode switch
    {
        NumaMode.Bind => NumaPolicy.Bind(node),
        NumaMode.Interleave => NumaPolicy.Interleave(node),
        _ => NumaPolicy.Preferred(node),
    };

    // A mapping of its own has no policy but the thread's.
    private static NumaMode OfThread()
    {
        using var memory = new AddressReservation(2 * MiB, 2 * MiB);
        string address = memory.Address.ToString("x8", System.Globalization.CultureInfo.InvariantCulture);
        string line = File.ReadLines("/proc/thread-self/numa_maps")
            .First(it => it.StartsWith(address, StringComparison.Ordinal));
        return line.Split(' ')[1].Split(':')[0] switch
        {
            "bind" => NumaMode.Bind,
            "default" or "local" => NumaMode.Local,
            var other => throw new InvalidDataException(other),
        };
    }

    private static PersistentArena Create(TestMedium medium) =>
        PersistentArena.Create(new ArenaOptions { Directory = medium.Directory });

    private static void SkipWithoutNodes() =>
        Assert.SkipWhen(s_there < 0, "The kernel tells no NUMA nodes (/sys/devices/system/node).");
}
