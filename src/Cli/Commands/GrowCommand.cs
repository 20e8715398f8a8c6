using System.CommandLine;
using GuestMemFs.Cli.Calls;
using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Reports;
using GuestMemFs.Cli.Terminal;

namespace GuestMemFs.Cli.Commands;

/// <summary><c>gmfs grow REGION SIZE</c>.</summary>
internal static class GrowCommand
{
    public static Command Create(Globals globals)
    {
        Argument<string> name = RegionArgument.Existing(globals);
        var size = new Argument<string?>("size") { Description = "The new size, or +SIZE for that much more: bytes, " +
            "or with a unit, as 512M, 2G or +1.5G (powers of 1024).", HelpName = "SIZE",
            Arity = ArgumentArity.ExactlyOne };
        return globals.Runs(new Command("grow", "Make a region longer. Nothing is copied.") { name, size }, call =>
        {
            string text = call.Value(size)!;
            bool relative = text.StartsWith('+');
            if (!Sizes.TryParse(relative ? text[1..] : text, out long bytes))
            {
                throw new GmfsException(ExitCode.Usage,
                    $"'{text}' is no size: write a number of bytes, or one with a unit, as 512M, 2G or +1G.");
            }

            using PersistentArena arena = Open(call);
            using PersistentRegion region = arena.OpenRegion(call.Value(name)!);
            long before = region.Length;
            region.Grow(relative ? checked(before + bytes) : bytes);
            return new DoneReport("grow", region.Name,
                $"Region {region.Name}: {Sizes.Of(before)} before, {Sizes.Of(region.Length)} now.");
        });
    }

    private static PersistentArena Open(Invocation call)
    {
        try
        {
            return call.Arena.OpenWriter();
        }
        catch (ArenaInUseException inUse)
        {
            throw new GmfsException(
                ExitCode.Refused,
                $"{RefusalText.Of(inUse)} While it has the arena, only it can grow a region: KvStore does at " +
                "CONFIG SET maxmemory SIZE, a program of its own at PersistentRegion.Grow.",
                inUse.ReasonCode);
        }
    }
}
