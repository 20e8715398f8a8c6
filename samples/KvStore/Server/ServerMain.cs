using System.Diagnostics;
using System.Runtime.InteropServices;
using GuestMemFs;
using KvStore.Engine;

namespace KvStore.Server;

/// <summary>The server as a process: options, arena, sockets, signals, exit code.</summary>
internal static class ServerMain
{
    private const int Good = 0;
    private const int Failed = 1;
    private const int BadOption = 2;

    public static int Run(string[] args)
    {
        try
        {
            ServerOptions options = OptionsParser.Parse(args, Environment.GetEnvironmentVariables());
            using Keyspace keyspace = Keyspace.Open(options);
            using var server = new KvServer(options, keyspace);
            using PosixSignalRegistration terminate = On(PosixSignal.SIGTERM, server);
            using PosixSignalRegistration interrupt = On(PosixSignal.SIGINT, server);
            server.Start();
            Announce(options, keyspace);
            Console.WriteLine($"closing: {server.WaitForShutdownRequest()}");
        }
        catch (OptionException e)
        {
            Console.Error.WriteLine($"KvStore: {e.Message}");
            return BadOption;
        }
        catch (Exception e) when (e is ArenaException or MediumException)
        {
            Console.Error.WriteLine($"KvStore: cannot open the store: {e.Message}");
            return Failed;
        }

        return Good;
    }

    private static PosixSignalRegistration On(PosixSignal signal, KvServer server) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        server.RequestShutdown(signal.ToString());
    });

    private static void Announce(ServerOptions options, Keyspace keyspace)
    {
        string address = string.Join(" and ", new[] { options.Port > 0 ? $"{options.Bind}:{options.Port}" : "", options.UnixSocket }.Where(a => a.Length > 0));
        using var self = Process.GetCurrentProcess();
        TimeSpan start = DateTime.UtcNow - self.StartTime.ToUniversalTime();
        Console.WriteLine($"ready on {address}: {keyspace.Keys.Count} keys, {keyspace.Outcome}, {start.TotalMilliseconds:F0} ms after the process started");
    }
}
