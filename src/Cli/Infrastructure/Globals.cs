using System.CommandLine;
using GuestMemFs.Cli.Reports;

namespace GuestMemFs.Cli.Infrastructure;

/// <summary>
/// What all commands share: the options that name the arena and the form of the answer, and the way from a report to an
/// exit code.
/// </summary>
internal sealed class Globals(Shell shell)
{
    public Shell Shell => shell;

    public Option<string?> Arena { get; } = new("--arena", "-a") { Description = "The arena's directory. Without it: " +
        $"the variable {Place.Variable}, else the arena called --name on this machine's media.", HelpName = "DIR",
        Recursive = true };

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

    /// <summary>Makes a command do something that ends in one report.</summary>
    public Command Runs(Command command, Func<Invocation, Report> action)
    {
        command.SetAction(parsed => Run(parsed, call =>
        {
            Report report = action(call);
            Show(report, call.Json);
            return report.ExitCode;
        }));
        return command;
    }

    /// <summary>Makes a command do something that writes what it has to say itself.</summary>
    public Command RunsFreely(Command command, Func<Invocation, ExitCode> action)
    {
        command.SetAction(parsed => Run(parsed, action));
        return command;
    }

    /// <summary>Writes a report in the form that was asked for.</summary>
    public void Show(Report report, bool json)
    {
        if (json)
        {
            shell.Out.WriteLine(GmfsJson.Text(report));
        }
        else
        {
            report.Draw(shell.OutConsole());
        }
    }

    private int Run(ParseResult parsed, Func<Invocation, ExitCode> action)
    {
        var call = new Invocation(parsed, this);
        try
        {
            return (int)action(call);
        }
        catch (Exception e) when (Failure.Of(e) is { } failure)
        {
            if (call.Json)
            {
                shell.Out.WriteLine(GmfsJson.Text(failure));
            }
            else
            {
                failure.Draw(shell.ErrorConsole());
            }

            return (int)failure.ExitCode;
        }
    }
}
