using System.Runtime.InteropServices;
using GuestMemFs.Cli.Infrastructure;

namespace GuestMemFs.Cli;

internal static class Program
{
    private static int Main(string[] args)
    {
        using var stop = new CancellationTokenSource();
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        return Gmfs.Run(args, Shell.Standard with { Cancellation = stop.Token });

        // The first signal asks, the second ends the process: that leaves nothing wrong behind either.
        void Stop(PosixSignalContext context)
        {
            context.Cancel = !stop.IsCancellationRequested;
            stop.Cancel();
        }
    }
}
