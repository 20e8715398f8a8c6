using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Cli.Terminal;

/// <summary>The few calls about other processes that the framework does not have.</summary>
internal static partial class ProcessCalls
{
    private const int Sigkill = 9;
    private const int Sigcont = 18;
    private const int Sigstop = 19;
    private const int ReadOnly = 0;
    private const int CloseOnExec = 0x80000;

    /// <summary>Lets every thread of a process stand still, from whatever it does just then.</summary>
    public static void Stop(int process) => Send(process, Sigstop);

    /// <summary>Lets it go on.</summary>
    public static void Continue(int process) => Send(process, Sigcont);

    /// <summary>Ends it.</summary>
    public static void Kill(int process) => Send(process, Sigkill);

    /// <summary>Opens a file for reading without the framework's lock, which an arena's writer has.</summary>
    /// <returns>Null where it cannot be opened.</returns>
    public static SafeFileHandle? TryOpen(string path)
    {
        int descriptor = Open(path, ReadOnly | CloseOnExec);
        return descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
    }

    private static void Send(int process, int signal)
    {
        if (Signal(process, signal) != 0)
        {
            string why = Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError());
            throw new GmfsException(
                ExitCode.Failed,
                $"Signal {signal} to process {process} failed: {why}. Nothing was changed. Run it as the process's " +
                    $"user, or as root.");
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Signal(int processId, int signal);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);
}
