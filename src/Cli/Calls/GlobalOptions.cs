using System.CommandLine;
using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Terminal;

namespace GuestMemFs.Cli.Calls;

/// <summary>The options that all commands share: they name the arena, and the form of the answer.</summary>
internal class GlobalOptions(Shell shell)
{
    public Shell Shell => shell;

    public Option<string?> Arena { get; } = new("--arena", "-a") { Description = "The arena's directory. Without it: " +
        $"the variable {ArenaReference.Variable}, else the arena called --name on this machine's media.",
        HelpName = "DIR", Recursive = true };

    public Option<string?> Name { get; } = new("--name", "-n") { Description = "The arena's name on this machine's " +
        "media, or at the holder, where no directory is given [default: default].", HelpName = "NAME",
        Recursive = true };

    public Option<string?> Holder { get; } = new(
        "--holder") { Description = "The arena of the name is in memory that " +
        "this holder has: the socket of gmfs hold.", HelpName = "PATH", Recursive = true };

    public Option<string[]> TrustOwner { get; } = new("--trust-owner")
    {
        Description = "Use what is this user's too: arena, plan, holder, sockets. Else only root's and your own.",
        HelpName = "USER",
        Recursive = true,
    };

    public Option<bool> Json { get; } = new("--json") { Description = "Answer in JSON: sizes in bytes, times in UTC. " +
        "Errors too, in 'error'.", Recursive = true };
}
