using System.CommandLine;
using GuestMemFs.Cli.Calls;
using GuestMemFs.Cli.Checking;

namespace GuestMemFs.Cli.Commands;

/// <summary><c>gmfs explain</c>.</summary>
internal static class ExplainCommand
{
    public static Command Create(Globals globals) => globals.Runs(
        new Command("explain",
            "Why is the arena cold, refused, full or slow: in sentences, each with its reason code " +
            "and the next step."),
        call => Explanation.Of(call.Arena, call.ArenaName));
}
