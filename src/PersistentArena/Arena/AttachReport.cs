using System.Diagnostics;
using System.Globalization;
using System.Text;
using GuestMemFs.Arena;
using GuestMemFs.Journal;

namespace GuestMemFs;

/// <summary>How an arena was found.</summary>
public enum AttachKind
{
    /// <summary>It was made.</summary>
    Fresh,

    /// <summary>It was there, and its last writer closed it.</summary>
    Warm,

    /// <summary>It was there, and its last writer did not close it: killed, or the kernel with it.</summary>
    Recovered,

    /// <summary>It was opened read-only, beside a writer or not.</summary>
    Reader,
}

/// <summary>A region that was asked for with a smaller length than it has, and kept its own.</summary>
/// <param name="Name">The region.</param>
/// <param name="RequestedLength">What was asked for, in bytes.</param>
/// <param name="Length">What it has, in bytes.</param>
public sealed record LongerRegion(string Name, long RequestedLength, long Length);

/// <summary>What an open found and did, and how long each step took. What opening a region finds is added later;
/// nothing else of it changes. <see cref="ToString"/> is the text for people.</summary>
public sealed class AttachReport
{
    private readonly Func<PageReport> _pages;
    private readonly MediumCapabilities _capabilities;
    private readonly Lock _adding = new();
    private volatile IReadOnlyList<AttachReason> _reasons;
    private volatile IReadOnlyList<LongerRegion> _longer = [];
    private volatile IReadOnlyList<RegionPlacement> _placements = [];

    internal AttachReport(AttachKind kind, ArenaFiles files, MetadataTables tables, AttachSteps steps)
    {
        _pages = files.Metadata.ReadPages;
        _capabilities = files.Medium.Capabilities;
        _reasons = steps.Reasons;
        Kind = kind;
        ArenaId = files.Id;
        Epoch = tables.State.Epoch;
        RegionCount = tables.RegionCount;
        MediumName = files.Medium.Name;
        Location = files.Location;
        MediumReason = files.Medium.Reason;
        Steps = steps.All;
    }

    /// <summary>Fresh, warm or recovered.</summary>
    public AttachKind Kind { get; }

    /// <summary>The arena.</summary>
    public Guid ArenaId { get; }

    /// <summary>The epoch that this writer has (for a reader, the newest writer's).</summary>
    public ulong Epoch { get; }

    /// <summary>How many regions there are.</summary>
    public int RegionCount { get; }

    /// <summary>The medium: tmpfs, hugetlbfs, dax, guestmemfs, memfd, directory.</summary>
    public string MediumName { get; }

    /// <summary>Where it is.</summary>
    public string Location { get; }

    /// <summary>Why this medium was taken.</summary>
    public string MediumReason { get; }

    /// <summary>What the content survives.</summary>
    public Survives Survives => _capabilities.Survives;

    /// <summary>
    /// What pages the metadata got, read from smaps when it is asked for: what the medium gives, rather than what was
    /// asked of it. Unknown once the arena is closed. For a region's own see <see cref="PersistentRegion.ReadPages"/>.
    /// </summary>
    public PageReport Pages => _pages();

    /// <summary>
    /// The page size that the medium is expected to give, in bytes. Whether it was got, <see cref="Pages"/> says.
    /// </summary>
    public long PageSize => _capabilities.PageSize;

    /// <summary>What was found, rolled back, mended.</summary>
    public IReadOnlyList<AttachReason> Reasons => _reasons;

    /// <summary>
    /// How many writers in a row ended soon after their attach, under this kernel and without closing the arena; the
    /// first of them may have lived for long.
    /// </summary>
    public int EarlyEnds { get; internal init; }

    /// <summary>Regions that kept more than was asked for (<see cref="PersistentArena.OpenOrGrowRegion"/>).</summary>
    public IReadOnlyList<LongerRegion> LongerRegions => _longer;

    /// <summary>The steps in their order.</summary>
    public IReadOnlyList<AttachStep> Steps { get; }

    /// <summary>All steps together.</summary>
    public TimeSpan Duration
    {
        get
        {
            TimeSpan sum = TimeSpan.Zero;
            foreach (AttachStep step in Steps)
            {
                sum += step.Duration;
            }

            return sum;
        }
    }

    /// <summary>The NUMA policies that regions were opened with (<see cref="RegionOptions.Numa"/>).</summary>
    public IReadOnlyList<RegionPlacement> Placements => _placements;

    /// <summary>Notes a region's policy; what is to be said of it, or null where it is what was asked for.</summary>
    internal AttachReason? Placed(RegionPlacement placement)
    {
        lock (_adding)
        {
            _placements = [.. _placements.Where(it => it.Region != placement.Region), placement];
            if (placement.Requested.Equals(placement.Actual))
            {
                return null;
            }

            string got = placement.Actual?.ToString() ?? "not told";
            var reason = new AttachReason(
                ReasonCodes.NumaOtherwise,
                $"Memory of region '{placement.Region}' was to be taken by {placement.Requested}; the policy "
                + $"in force is {got}.");
            _reasons = [.. _reasons, reason];
            return reason;
        }
    }

    /// <summary>Notes a region that kept its length; what is to be said of it, or null where that was said.</summary>
    internal AttachReason? Longer(LongerRegion region)
    {
        lock (_adding)
        {
            if (_longer.Contains(region))
            {
                return null;
            }

            var reason = new AttachReason(
                ReasonCodes.RegionLonger,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"Region '{region.Name}' has {region.Length} bytes and {region.RequestedLength} were asked for: ")
                + "it keeps its length, for a region does not shrink. To have a smaller one, copy its content into a "
                + "new arena.");
            _longer = [.. _longer, region];
            _reasons = [.. _reasons, reason];
            return reason;
        }
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        var text = new StringBuilder();
        text.Append(culture, $"arena {ArenaId} in {Location}: {Kind} in {Duration.TotalMilliseconds:0.0} ms");
        text.Append(culture, $", epoch {Epoch}, {RegionCount} regions");
        text.Append(culture, $"\n  medium   {MediumName}, pages of {PageSize >> 10} KiB expected, {Pages} got");
        text.Append(culture, $", survives {Survives}");
        if (MediumReason.Length > 0)
        {
            text.Append(culture, $"; {MediumReason}");
        }

        foreach (RegionPlacement placement in Placements)
        {
            text.Append(culture, $"\n  numa     region '{placement.Region}': {placement.Actual}")
                .Append(culture, $" (asked: {placement.Requested})");
        }

        foreach (AttachReason reason in Reasons)
        {
            text.Append(culture, $"\n  reason   {reason}");
        }

        text.Append("\n  steps   ");
        foreach (AttachStep step in Steps)
        {
            text.Append(culture, $" {step.Name} {step.Duration.TotalMilliseconds:0.00} ms,");
        }

        return text.ToString().TrimEnd(',');
    }
}
