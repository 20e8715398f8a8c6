using System.CommandLine;
using GuestMemFs.Cli.Calls;
using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Reports;

namespace GuestMemFs.Cli.Commands;

/// <summary><c>gmfs freeze</c> and <c>gmfs thaw</c>.</summary>
internal static class FreezeCommand
{
    public static Command Freeze(Globals globals) => globals.Runs(
        new Command("freeze",
            "Make the metadata stand still before a kexec: regions can be written, and not made, deleted or grown."),
        call => Set(call.Arena, frozen: true));

    public static Command Thaw(Globals globals) => globals.Runs(
        new Command("thaw", "Take a freeze back."),
        call => Set(call.Arena, frozen: false));

    private static DoneReport Set(ArenaReference place, bool frozen)
    {
        using PersistentArena arena = place.OpenWriter();
        bool already = arena.IsFrozen == frozen;
        if (frozen)
        {
            arena.Freeze();
        }
        else
        {
            arena.Thaw();
        }

        string state = frozen ? "frozen" : "thawed";
        return new DoneReport(frozen ? "freeze" : "thaw", place.Text,
            $"The arena in {place.Text} {(already ? "was" : "is")} {state}{(already ? " already" : string.Empty)}.");
    }
}
