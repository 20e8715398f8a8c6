using System.Runtime.InteropServices;
using GuestMemFs.Cli.Terminal;

namespace GuestMemFs.Cli;

internal static class Program
{
    /// <summary>
    /// SIGXFSZ, which a write beyond the limit on a file's length sends: ignored, the write fails and says why.
    /// </summary>
    private const PosixSignal FileTooLong = (PosixSignal)25;

    private static int Main(string[] args)
    {
        using var stop = new CancellationTokenSource();
        bool watched = false;
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using PosixSignalRegistration tooLong = PosixSignalRegistration.Create(FileTooLong,
            static context => context.Cancel = true);
        return Gmfs.Run(args, Shell.Standard with { Cancellation = stop.Token,
            Watched = () => Volatile.Write(ref watched, true) });

        // The first signal asks a command that listens; without one, and the second time, it ends the process: that
        // leaves nothing wrong behind either.
        void Stop(PosixSignalContext context)
        {
            context.Cancel = Volatile.Read(ref watched) && !stop.IsCancellationRequested;
            stop.Cancel();
        }
    }
}
