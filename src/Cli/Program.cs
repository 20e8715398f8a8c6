using System.Runtime.InteropServices;
using GuestMemFs.Cli.Infrastructure;

namespace GuestMemFs.Cli;

internal static class Program
{
    private static int Main(string[] args)
    {
        using var stop = new CancellationTokenSource();
        bool watched = false;
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        return Gmfs.Run(args, Shell.Standard with { Cancellation = stop.Token, Watched = () => Volatile.Write(ref watched, true) });

        // The first signal asks a command that listens; without one, and the second time, it ends the process: that leaves nothing wrong behind either.
        void Stop(PosixSignalContext context)
        {
            context.Cancel = Volatile.Read(ref watched) && !stop.IsCancellationRequested;
            stop.Cancel();
        }
    }
}
