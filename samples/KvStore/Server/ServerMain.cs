using System.Diagnostics;
using GuestMemFs;
using KvStore.Engine;
using KvStore.HandOver;

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
            Environment.SetEnvironmentVariable("KVSTORE_REQUIREPASS", null); // programs that it starts need none
            Environment.SetEnvironmentVariable("KVSTORE_MASTERAUTH", null);
            using var life = new ServerLife(options);
            life.Start();
            Announce(life.Sockets, life.Keyspace);
            string reason = life.Run();
            Console.WriteLine($"closing: {reason}");
        }
        catch (OptionException e)
        {
            Console.Error.WriteLine($"KvStore: {e.Message}");
            return BadOption;
        }
        catch (HandOverException e)
        {
            Console.Error.WriteLine($"KvStore: {e.Message}");
            return Failed;
        }
        catch (IOException e) when (e is not MediumException)
        {
            Console.Error.WriteLine($"KvStore: --live-update-socket, or --hand-over-socket: {e.Message}");
            return Failed;
        }
        catch (Exception e) when (e is ArenaException or MediumException or StoreException)
        {
            Console.Error.WriteLine($"KvStore: cannot open the store: {e.Message}");
            return Failed;
        }

        return Good;
    }

    private static void Announce(ServerSockets sockets, Keyspace keyspace)
    {
        AttachReport report = keyspace.Arena.AttachReport;
        foreach (AttachReason reason in report.Reasons)
        {
            if (reason.Code is ReasonCodes.EarlyEnds or ReasonCodes.CrashLoopSetAside or ReasonCodes.CrashLoopReadOnly)
            {
                Console.WriteLine(reason);
            }
        }

        if (keyspace.RestoredFrom is { } dump)
        {
            Console.WriteLine(
                $"the store was not there: made from the copy of {dump.Taken:u}; what was written after it is lost");
        }

        foreach (LongerRegion longer in report.LongerRegions)
        {
            Console.WriteLine(
                $"--size {longer.RequestedLength} is less than the store's {longer.Length} bytes: it keeps its size " +
                $"({ReasonCodes.RegionLonger})");
        }

        foreach (AttachReason reason in report.Reasons.Where(reason => reason.Code == ReasonCodes.PlaceTaken))
        {
            Console.WriteLine($"{reason.Text} ({reason.Code})");
        }

        string address = string.Join(" and ", sockets.Sockets.Select(socket => $"{socket.LocalEndPoint}"));
        address += sockets.Tls is { } tls ? $"{(address.Length > 0 ? " and " : "")}{tls.LocalEndPoint} (TLS)" : "";
        using var self = Process.GetCurrentProcess();
        TimeSpan start = DateTime.UtcNow - self.StartTime.ToUniversalTime();
        Console.WriteLine($"ready on {address}: {keyspace.Databases.KeyCount} " +
            $"keys, {keyspace.Outcome}, {start.TotalMilliseconds:F0} ms after the process started");
    }
}
