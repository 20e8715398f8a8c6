using System.Globalization;
using GuestMemFs.Cli.Terminal;

namespace GuestMemFs.Cli.Rescue;

/// <summary>
/// A process that stands still for as long as this object lives: what is copied meanwhile is of one instant, as if the
/// process had been killed there, which is what an arena recovers from.
/// </summary>
internal sealed class StoppedProcess : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);
    private readonly int _process;
    private bool _goesOn;

    /// <summary>Stops it, and waits until each thread stands still.</summary>
    public StoppedProcess(int process)
    {
        _process = process;
        if (Stands())
        {
            return; // Somebody else stopped it, and knows when it goes on.
        }

        ProcessCalls.Stop(process);
        _goesOn = true;
        if (!SpinWait.SpinUntil(Stands, s_patience))
        {
            Dispose();
            throw new GmfsException(
                ExitCode.Failed,
                $"Process {process} does not stand still {s_patience.TotalSeconds:0} s after SIGSTOP. It goes on, " +
                    $"and nothing was copied.");
        }
    }

    /// <summary>Ends it in place of letting it go on.</summary>
    public void Kill()
    {
        ProcessCalls.Kill(_process);
        _goesOn = false;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_goesOn)
        {
            _goesOn = false;
            ProcessCalls.Continue(_process);
        }
    }

    private bool Stands()
    {
        try
        {
            string folder = string.Create(CultureInfo.InvariantCulture, $"/proc/{_process}/task");
            return Directory.GetDirectories(folder).All(thread => StateOf(thread) is 'T' or 't' or 'Z' or 'X');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new GmfsException(
                ExitCode.NotFound,
                $"There is no process {_process} any more. What it had is gone with it.");
        }
    }

    /// <summary>The letter behind the program's name, which stands in parentheses and may hold any.</summary>
    private static char StateOf(string thread)
    {
        string text = File.ReadAllText(Path.Combine(thread, "stat"));
        return text[text.LastIndexOf(')') + 2];
    }
}
