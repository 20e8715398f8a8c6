// A server in one file: keys over TCP, one line a command, and all of them are there after SIGKILL.
//
//   dotnet run -c Release --project samples/Server -- /dev/shm/server 7000
//   printf 'set greeting hello\nget greeting\nadd visits 1\n' | nc localhost 7000
//
// For Redis's protocol, expiry, transactions and much more see samples/KvStore.
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using GuestMemFs;

using PersistentArena arena = PersistentArena.OpenOrCreate(new ArenaOptions { Directory = args[0] });
PersistentRegion memory = arena.OpenOrCreateRegion(
    "heap", 256 << 20, new RegionOptions { Kind = RegionKind.Heap, Reserve = RegionReserve.OnDemand });
var store = new Store(PersistentDictionary.OpenOrCreate(PersistentHeap.Open(memory), "keys"));
Console.WriteLine(arena.AttachReport);

using var stop = new CancellationTokenSource();
using PosixSignalRegistration onTerm = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
using PosixSignalRegistration onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);

using var listener = new TcpListener(IPAddress.Loopback, int.Parse(args[1], CultureInfo.InvariantCulture));
listener.Start();
Console.WriteLine($"listening on port {((IPEndPoint)listener.LocalEndpoint).Port}");
var clients = new List<Task>();
try
{
    while (true)
    {
        clients.RemoveAll(client => client.IsCompleted);
        clients.Add(Serve(await listener.AcceptTcpClientAsync(stop.Token)));
    }
}
catch (OperationCanceledException)
{
    // Asked to end: nobody is in the heap any more once the clients are gone, and the arena is closed clean.
    await Task.WhenAll(clients);
    return 0;
}

void End(PosixSignalContext signal)
{
    signal.Cancel = true;
    stop.Cancel();
}

async Task Serve(TcpClient client)
{
    using (client)
    {
        try
        {
            using var reader = new StreamReader(client.GetStream(), Encoding.UTF8);
            await using var writer = new StreamWriter(client.GetStream()) { AutoFlush = true, NewLine = "\n" };
            while (await reader.ReadLineAsync(stop.Token) is { } line)
            {
                await writer.WriteLineAsync(store.Answer(line).AsMemory(), stop.Token);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The client is gone, or we are asked to end.
        }
    }
}

/// <summary>What the commands do. The dictionary is thread-safe: clients need no lock.</summary>
internal sealed class Store(PersistentDictionary keys)
{
    private const string Help = "set KEY VALUE, get KEY, add KEY NUMBER, del KEY, count";

    /// <summary>What is said here is true of the memory, whatever happens to this process next.</summary>
    public string Answer(string line)
    {
        try
        {
            return line.Split(' ', 3) switch
            {
                ["get", var key] => keys.Get(Bytes(key)) is { } value ? Encoding.UTF8.GetString(value) : "(none)",
                ["set", var key, var value] => Set(key, value),
                ["add", var key, var number] => Add(key, number),
                ["del", var key] => keys.Remove(Bytes(key)) ? "ok" : "(none)",
                ["count"] => keys.Count.ToString(CultureInfo.InvariantCulture),
                _ => "error: " + Help,
            };
        }
        catch (Exception e) when (e is ArenaException or ArgumentException or FormatException or OverflowException)
        {
            return "error: " + e.Message; // a full arena, a key that is too long, text where a number was to be
        }
    }

    private string Set(string key, string value)
    {
        keys.Set(Bytes(key), Bytes(value));
        return "ok";
    }

    private string Add(string key, string number) => long.TryParse(number, CultureInfo.InvariantCulture, out long by)
        ? keys.Increment(Bytes(key), by).ToString(CultureInfo.InvariantCulture)
        : "error: " + Help;

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
