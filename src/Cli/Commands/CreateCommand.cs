using System.CommandLine;
using GuestMemFs.Cli.Calls;
using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Reports;
using GuestMemFs.Cli.Terminal;

namespace GuestMemFs.Cli.Commands;

/// <summary><c>gmfs create [REGION SIZE]</c>.</summary>
internal static class CreateCommand
{
    public static Command Create(Globals globals)
    {
        var name = new Argument<string?>("region") { Description = "The region's name: 1 to 128 bytes of UTF-8. " +
            "Without it, an arena is made.", HelpName = "REGION?", Arity = ArgumentArity.ZeroOrOne };
        var size = new Argument<string?>("size") { Description = "The region's size: bytes, or with a unit, as 512M, " +
            "2G or 1.5TiB (powers of 1024); at least 2M, a multiple of 4K.", HelpName = "SIZE?",
            Arity = ArgumentArity.ZeroOrOne };
        var kind = new Option<string>(
            "--kind") { Description = "Whose bytes: the application's, a persistent heap's, " +
            "a virtual machine's.", DefaultValueFactory = _ => "raw" };
        kind.AcceptOnlyFromAmong("raw", "heap", "guest-ram");
        var onDemand = new Option<bool>(
            "--on-demand") { Description = "Take the medium's space as it is used, not all of it now." };
        var maximum = new Option<string?>("--max-size") { Description = "How far the region can grow at its address: " +
            "address space, no memory.", HelpName = "SIZE" };
        var alignment = new Option<string?>(
            "--align") { Description = "Alignment of its address: 2M or 1G [default: 2M].", HelpName = "SIZE" };
        var metadata = new Option<string?>(
            "--metadata-size") { Description = "For a new arena: room for names, 1M to " +
            "1G; it cannot grow later [default: 8M].", HelpName = "SIZE" };
        var command = new Command("create", "Make a region, or an arena where no region is named.") { name, size, kind,
            onDemand, maximum, alignment, metadata };
        return globals.Runs(command, call => (call.Value(name), call.Size(size)) switch
        {
            (null, _) => CreateArena(call, call.Size(metadata)),
            (_, null) => throw new GmfsException(ExitCode.Usage,
                "How large is the region to be? gmfs create REGION SIZE, as in: gmfs create cache 2G --kind heap."),
            ({ } region, { } bytes) => CreateRegion(call.Arena, region, bytes, new RegionOptions
            {
                Kind = call.Value(kind) switch { "heap" => RegionKind.Heap, "guest-ram" => RegionKind.GuestRam, _ =>
                    RegionKind.Raw },
                Reserve = call.Value(onDemand) ? RegionReserve.OnDemand : RegionReserve.Full,
                MaximumLength = call.Size(maximum) ?? 0,
                Alignment = call.Size(alignment) ?? RegionOptions.MinimumLength,
            }),
        });
    }

    private static DoneReport CreateArena(Invocation call, long? metadataSize)
    {
        long metadata = metadataSize ?? ArenaOptions.DefaultMetadataSize;
        using PersistentArena arena = call.NamedArena?.Create(metadata)
            ?? PersistentArena.Create(new ArenaOptions { Name = call.ArenaName ?? "default", MetadataSize = metadata });
        // The reason says what it is, too.
        string medium = arena.Medium.Reason.Length > 0 ? ". " + arena.Medium.Reason
            : $" ({arena.Medium.Name}, {arena.Medium.Capabilities}).";
        return new DoneReport("create", arena.Medium.Location,
            $"Made arena {arena.Id} in {arena.Medium.Location}{medium}");
    }

    private static DoneReport CreateRegion(ArenaReference place, string name, long bytes, RegionOptions options)
    {
        using PersistentArena arena = place.OpenWriter();
        using PersistentRegion region = arena.CreateRegion(name, bytes, options);
        return new DoneReport("create", name,
            $"Made region {name}: {ListReport.Name(region.Kind)}, {Sizes.Of(region.Length)}.");
    }
}
