using System.CommandLine;
using GuestMemFs.Cli.Calls;
using GuestMemFs.Cli.Reports;
using GuestMemFs.Holding;

namespace GuestMemFs.Cli.Commands;

/// <summary>
/// <c>gmfs hold</c>: the daemon that keeps the memory of arenas on memfds while their programs come and go.
/// </summary>
internal static class HoldCommand
{
    public static Command Create(Globals globals)
    {
        Option<string> socket = new("--socket") { Description = "The socket; a holder that is there already hands " +
            "over and ends.", HelpName = "PATH", DefaultValueFactory = _ => Default };
        return globals.Runs(
            new Command("hold", "Keep the memory of arenas that lie on memfds while the programs that use them come " +
                "and go (KvStore --holder PATH). Stays until it is ended, or until another takes over.") { socket },
            call => Hold(call, call.Value(socket)!));
    }

    /// <summary>Where it listens unless told otherwise: the service's own directory, or the system's.</summary>
    internal static string Default => Environment.GetEnvironmentVariable("RUNTIME_DIRECTORY") is { Length: > 0 } own
        ? Path.Combine(own.Split(':')[0], "hold.sock") : "/run/gmfs/hold.sock";

    private static DoneReport Hold(Invocation call, string path)
    {
        // systemd says so where the unit has a store.
        using HoldServer server = HoldServer.Start(path,
            Environment.GetEnvironmentVariable("FDSTORE") is null ? null : new SystemdHolder("hold"));
        call.Shell.Error.WriteLine($"holding at {path}: {server.Stores.Sum(store => store.Files)} descriptors " +
            $"of {server.Stores.Count} arenas were taken over");
        call.Shell.Error.Flush();
        ServiceManager.Ready();
        bool followed = server.Wait(call.Cancellation);
        return new DoneReport("hold", path, followed ? $"Another holder has taken over at {path}."
            : $"Ended. What was held at {path} ends with this process.");
    }
}
