using System.Globalization;
using System.Text.Json.Serialization;
using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Terminal;
using Spectre.Console;

namespace GuestMemFs.Cli.Reports;

/// <summary>The superblock's numbers. Bits are hexadecimal texts: JSON's numbers have 53 bits.</summary>
internal sealed record SuperblockFacts(
    Guid ArenaId,
    uint FormatVersion,
    FeatureFacts Features,
    DateTimeOffset Created,
    long MetadataLength,
    long HalfOffset,
    long HalfLength,
    long Granularity)
{
    public static SuperblockFacts Of(SuperblockSnapshot it) => new(
        it.ArenaId,
        it.FormatVersion,
        FeatureFacts.Of(it.Features),
        it.Created,
        it.MetadataLengthBytes,
        it.HalfOffsetBytes,
        it.HalfLengthBytes,
        it.GranularityBytes);
}

/// <summary>Feature bits, and those that this gmfs does not know.</summary>
internal sealed record FeatureFacts(string Compat, string ReadOnlyCompat, string Incompat, string Unknown)
{
    public static FeatureFacts Of(FeatureSet it) => new(
        Hex(it.Compatible),
        Hex(it.ReadOnlyCompatible),
        Hex(it.Incompatible),
        Hex(it.UnknownReadOnlyCompatible | it.UnknownIncompatible));

    public override string ToString()
    {
        string unknown = Unknown == Hex(0) ? string.Empty : $", unknown {Unknown}";
        return $"compat {Compat}, ro-compat {ReadOnlyCompat}, incompat {Incompat}{unknown}";
    }

    private static string Hex(ulong bits) => string.Create(CultureInfo.InvariantCulture, $"0x{bits:x}");
}

/// <summary>A journal half.</summary>
internal sealed record HalfFacts(
    int Index, bool InForce, uint Generation, bool HeaderIntact, bool TailIntact, long Used)
{
    public static HalfFacts Of(JournalHalfSnapshot it) =>
        new(it.Index, it.IsInForce, it.Generation, it.IsHeaderIntact, it.IsTailIntact, it.UsedBytes);
}

/// <summary>A part of the metadata, and whether it checks.</summary>
internal sealed record PartFacts(string Part, bool Intact);

/// <summary>A root of a heap. <paramref name="Layout"/> is hexadecimal.</summary>
internal sealed record RootLine(
    string Name,
    HeapRootKind Kind,
    string Layout,
    DictionaryFigures? Dictionary,
    SortedMapFigures? SortedMap,
    LogFigures? Log,
    string? Problem)
{
    public static RootLine Of(HeapRootSnapshot it) => new(
        it.Name,
        it.Kind,
        string.Create(CultureInfo.InvariantCulture, $"0x{it.LayoutHash:x16}"),
        it.Dictionary,
        it.SortedMap,
        it.Log,
        it.Problem is null ? null : $"{it.Problem.ReasonCode} {RefusalText.Of(it.Problem)}");
}

/// <summary>A heap's header, its roots, and how its bytes lie (estimated from samples).</summary>
internal sealed record HeapInfo(
    ulong FormatVersion,
    FeatureFacts Features,
    long Frontier,
    int ChangesInFlight,
    IReadOnlyList<RootLine> Roots,
    long? Used,
    long? Scattered,
    long? LongestFree);

/// <summary>A region, its files, its heap.</summary>
internal sealed record RegionFacts(
    string Name,
    ulong Id,
    RegionKind Kind,
    long Length,
    long MaximumLength,
    RegionReserve Reserve,
    IReadOnlyList<ExtentLine> Extents,
    HeapInfo? Heap,
    string? Problem);

/// <summary>Everything that an arena says of itself.</summary>
internal sealed record InfoReport(
    string Arena,
    string Medium,
    string State,
    string File,
    long FileLength,
    SuperblockFacts? Superblock,
    IReadOnlyList<PartFacts> Parts,
    IReadOnlyList<HalfFacts> Halves,
    long JournalUsed,
    long JournalCompacted,
    long JournalCapacity,
    ulong JournalSequence,
    ulong Epoch,
    bool Frozen,
    IReadOnlyList<RegionFacts> Regions,
    IReadOnlyList<ExtentLine> Unused,
    ErrorBody? Problem) : Report
{
    [JsonIgnore]
    public override ExitCode ExitCode => Problem is null ? ExitCode.Done : (ExitCode)Problem.ExitCode;

    public override void Draw(IAnsiConsole console)
    {
        Drawing.Facts(
            console,
            ("arena", Arena),
            ("medium", Medium),
            ("state", State + (Frozen ? ", frozen" : string.Empty)),
            ("epoch", $"{Epoch}"),
            ("metadata", $"{File}, {Sizes.Of(FileLength)}"),
            ("id", Superblock?.ArenaId.ToString()),
            ("format", Superblock is { } s ? $"version {s.FormatVersion}; {s.Features}" : null),
            ("created", Superblock is { } c ? $"{c.Created:u}" : null),
            ("granularity", Superblock is { } g ? Sizes.Of(g.Granularity) : null),
            ("intact", Names(intact: true)),
            ("damaged", Names(intact: false)),
            ("journal", $"{Sizes.Of(JournalUsed)} of {Sizes.Of(JournalCapacity)} in {JournalSequence:N0} records"),
            ("compacted", $"{Sizes.Of(JournalCompacted)}"),
            ("problem", Problem is null ? null : $"{Problem.Reason} {Problem.Message}"),
            ("next", Problem?.Next));
        DrawHalves(console);
        foreach (RegionFacts region in Regions)
        {
            DrawRegion(console, region);
        }

        foreach (ExtentLine extent in Unused)
        {
            string file = extent.File ?? "missing";
            console.WriteLine($"{file}  {Sizes.Of(extent.FileLength)}, of no region: waits to be used again");
        }
    }

    private string? Names(bool intact)
    {
        string names = string.Join(", ", Parts.Where(part => part.Intact == intact).Select(part => part.Part));
        return names.Length == 0 ? null : names;
    }

    private void DrawHalves(IAnsiConsole console)
    {
        Table table = Drawing.Table(console, "journal half", ">generation", ">used", "header", "tail");
        foreach (HalfFacts half in Halves)
        {
            table.Row(
                $"{half.Index}{(half.InForce ? ", in force" : string.Empty)}",
                $"{half.Generation}",
                Sizes.Of(half.Used),
                half.HeaderIntact ? "intact" : "does not check",
                half.TailIntact ? "intact" : "does not check");
        }

        console.Write(table);
    }

    private static void DrawRegion(IAnsiConsole console, RegionFacts region)
    {
        console.WriteLine();
        string reserve = region.Reserve == RegionReserve.Full ? "taken in full" : "taken as it is used";
        string length = $"{Sizes.Of(region.Length)} of at most {Sizes.Of(region.MaximumLength)}";
        console.WriteLine($"{region.Name}  {ListReport.Name(region.Kind)}, {length}, id {region.Id}, {reserve}");
        foreach (ExtentLine extent in region.Extents)
        {
            string file = extent.File ?? "missing";
            string holds = $"{Sizes.Of(extent.FileLength)}, holds {Sizes.Of(extent.Used)}";
            console.WriteLine($"  extent {extent.Ordinal}: {file}, {holds}");
        }

        if (region.Heap is { } heap)
        {
            DrawHeap(console, heap);
        }

        if (region.Problem is not null)
        {
            console.WriteLine("  problem: " + region.Problem);
        }
    }

    private static void DrawHeap(IAnsiConsole console, HeapInfo heap)
    {
        console.WriteLine($"  heap: version {heap.FormatVersion}; {heap.Features}");
        string use = heap is { Used: { } used, Scattered: { } scattered, LongestFree: { } longest }
            ? $", about {Sizes.Of(used)} used, {Sizes.Of(scattered)} free in between, longest piece {Sizes.Of(longest)}"
            : string.Empty;
        string flight = heap.ChangesInFlight == 0
            ? string.Empty
            : $", {Sizes.Count(heap.ChangesInFlight, "change")} in flight";
        console.WriteLine($"  handed out at least once: {Sizes.Of(heap.Frontier)}{use}{flight}");
        console.WriteLine($"  roots: {heap.Roots.Count}");
        foreach (RootLine root in heap.Roots)
        {
            string figures = root.Dictionary is { } dictionary ? ": " + Figures(dictionary)
                : root.SortedMap is { } map ? ": " + Figures(map)
                : root.Log is { } log ? ": " + Figures(log)
                : string.Empty;
            string problem = root.Problem is null ? string.Empty : $": {root.Problem}";
            string kind = root.Kind switch
            {
                HeapRootKind.SortedMap => "sorted map",
                HeapRootKind.PriorityQueue => "priority queue",
                _ => root.Kind.ToString().ToLowerInvariant(),
            };
            console.WriteLine($"    {root.Name}  {kind}, layout {root.Layout}{figures}{problem}");
        }
    }

    private static string Figures(LogFigures it) =>
        $"{Sizes.Count(it.Entries, "record")} in {Sizes.Count(it.Segments, "segment")}, last id {it.LastId}, "
        + Sizes.Count(it.Positions, "position");

    private static string Figures(SortedMapFigures it)
    {
        string records = $"{Sizes.Count(it.Records, "record")} in {Sizes.Of(it.RecordBytes)}";
        return $"{records}, {it.Expiring:N0} expiring, {Sizes.Count(it.Levels, "level")}";
    }

    private static string Figures(DictionaryFigures it)
    {
        string records = $"{Sizes.Count(it.Records, "record")} in {Sizes.Of(it.RecordBytes)}";
        string clearing = it.IsClearing ? ", a cleared index to be collected" : string.Empty;
        return $"{records}, {it.Expiring:N0} expiring, {Sizes.Count(it.Buckets, "bucket")}{clearing}";
    }
}
