using System.CommandLine;
using GuestMemFs.Cli.Calls;
using GuestMemFs.Cli.Checking;

namespace GuestMemFs.Cli.Commands;

/// <summary><c>gmfs check</c>.</summary>
internal static class CheckCommand
{
    public static Command Create(Globals globals)
    {
        var deep = new Option<bool>("--deep") { Description = "Walk every block of every heap too. Needs an arena " +
            "without a writer, and keeps writers out meanwhile; takes as long as it takes to read them." };
        return globals.Runs(
            new Command("check", "Check superblock, journal, regions and files. Changes nothing; ends with 1 where " +
                "something is wrong.") { deep },
            call => ArenaCheck.Run(call.Arena, call.Value(deep)));
    }
}
