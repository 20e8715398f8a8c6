using System.Text;
using GuestMemFs.Format;
using GuestMemFs.Journal;

namespace GuestMemFs.Tests.Journal;

/// <summary>
/// Each bound of what an entry of the journal may say: the last that can be, and the first that cannot.
/// </summary>
public sealed class EntryRulesTests
{
    private const long Longest = 1L << 46;
    private const ulong HighestId = long.MaxValue;

    private static readonly RegionBody s_region = new()
    {
        Id = 1,
        Length = 4096,
        MaximumLength = 0,
        Alignment = 4096,
        CreatedUnixMilliseconds = 1_700_000_000_000,
    };

    private static readonly ExtentBody s_extent = new() { Id = 1, FileLength = 3 * 4096, Used = 4096, State = 1 };

    private static readonly StateBody s_state = new() { Epoch = 1, NextExtentId = 1, NextRegionId = 1 };

    [Fact]
    public void Every_bound_of_a_region_is_held()
    {
        AssertFault(null, s_region with { Id = HighestId });
        AssertFault("a region's id is none", s_region with { Id = 0 });
        AssertFault("a region's id is none", s_region with { Id = HighestId + 1 });
        AssertFault(null, s_region with { Length = Longest });
        AssertFault("a region's length is none", s_region with { Length = 0 });
        AssertFault("a region's length is none", s_region with { Length = 4095 });
        AssertFault("a region's length is none", s_region with { Length = 4097 });
        AssertFault("a region's length is none", s_region with { Length = Longest + 4096 });
        AssertFault(null, s_region with { MaximumLength = Longest });
        AssertFault("a region's room for growth is none", s_region with { MaximumLength = -1 });
        AssertFault("a region's room for growth is none", s_region with { MaximumLength = Longest + 1 });
        AssertFault(null, s_region with { Alignment = 1L << 40 });
        AssertFault("a region's alignment is none", s_region with { Alignment = 2048 });
        AssertFault("a region's alignment is none", s_region with { Alignment = 4096 + 2048 });
        AssertFault("a region's alignment is none", s_region with { Alignment = 1L << 41 });
        AssertFault("a region was made at no time", s_region with { CreatedUnixMilliseconds = long.MaxValue });
        AssertFault(null, s_region with { Kind = (byte)RegionKind.GuestRam });
        AssertFault("a region is of no kind", s_region with { Kind = (byte)RegionKind.GuestRam + 1 });
        AssertFault(null, s_region with { Reserve = (byte)RegionReserve.OnDemand });
        AssertFault("a region reserves in no way", s_region with { Reserve = (byte)RegionReserve.OnDemand + 1 });
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(128, true)]
    [InlineData(0, false)]
    [InlineData(129, false)]
    public void A_regions_name_has_1_to_128_bytes(int bytes, bool can) =>
        Assert.Equal(can ? null : "a region's name is none",
            EntryRules.Fault(s_region, Encoding.UTF8.GetBytes(new string('n', bytes))));

    [Fact]
    public void Every_bound_of_an_extent_is_held()
    {
        AssertFault(null, s_extent with { Id = HighestId });
        AssertFault("an extent's id is none", s_extent with { Id = 0 });
        AssertFault("an extent's id is none", s_extent with { Id = HighestId + 1 });
        AssertFault("a file's length is none", s_extent with { FileLength = 4096, Used = 0 });
        AssertFault(null, s_extent with { FileLength = 2 * 4096 });
        AssertFault("a file's length is none", s_extent with { FileLength = (3 * 4096) + 8 });
        AssertFault(null, s_extent with { FileLength = Longest });
        AssertFault("a file's length is none", s_extent with { FileLength = Longest + 4096 });
        AssertFault(null, s_extent with { Used = 0 });
        AssertFault("an extent holds more than its file", s_extent with { Used = -4096 });
        AssertFault(null, s_extent with { Used = 2 * 4096 });
        AssertFault("an extent holds more than its file", s_extent with { Used = 3 * 4096 });
        AssertFault("an extent holds more than its file", s_extent with { Used = 4096 + 8 });
        AssertFault(null, s_extent with { State = 3 });
        AssertFault("an extent is in no state", s_extent with { State = 0 });
        AssertFault("an extent is in no state", s_extent with { State = 4 });
    }

    [Fact]
    public void Every_bound_of_the_arenas_entry_is_held()
    {
        AssertFault(null, s_state with { Epoch = uint.MaxValue });
        AssertFault("the epoch is none", s_state with { Epoch = 1UL << 32 });
        AssertFault(null, s_state with { NextExtentId = HighestId, NextRegionId = HighestId });
        AssertFault("the next ids are none", s_state with { NextExtentId = 0 });
        AssertFault("the next ids are none", s_state with { NextExtentId = HighestId + 1 });
        AssertFault("the next ids are none", s_state with { NextRegionId = 0 });
        AssertFault("the next ids are none", s_state with { NextRegionId = HighestId + 1 });
    }

    private static void AssertFault(string? fault, RegionBody body) =>
        Assert.Equal(fault, EntryRules.Fault(body, "n"u8));

    private static void AssertFault(string? fault, ExtentBody body) => Assert.Equal(fault, EntryRules.Fault(body));

    private static void AssertFault(string? fault, StateBody body) => Assert.Equal(fault, EntryRules.Fault(body));
}
