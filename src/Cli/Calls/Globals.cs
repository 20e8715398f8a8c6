using System.CommandLine;
using GuestMemFs.Cli.Reports;
using GuestMemFs.Cli.Terminal;

namespace GuestMemFs.Cli.Calls;

/// <summary>
/// What all commands share: the options of <see cref="GlobalOptions"/>, and the way from a report to an exit code.
/// </summary>
internal sealed class Globals(Shell shell) : GlobalOptions(shell)
{
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
            Shell.Out.WriteLine(GmfsJson.Text(report));
        }
        else
        {
            report.Draw(Shell.OutConsole());
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
                Shell.Out.WriteLine(GmfsJson.Text(failure));
            }
            else
            {
                failure.Draw(Shell.ErrorConsole());
            }

            return (int)failure.ExitCode;
        }
    }
}
