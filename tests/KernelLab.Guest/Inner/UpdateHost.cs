using System.Text.Json.Nodes;

namespace GuestMemFs.KernelLab.Guest.Inner;

/// <summary>What lives through updates: two machines and KvStore on one arena.</summary>
internal sealed class UpdateHost : IDisposable
{
    private const int Numbers = 25;
    private const uint MorePages = 500;
    private const int Done = 0, Problems = 1;
    private readonly Stage _stage;
    private readonly PersistentArena _reader;

    private UpdateHost(Stage stage, Store store, InnerMachine[] machines)
    {
        _stage = stage;
        Store = store;
        Machines = machines;
        _reader = PersistentArena.Open(new ArenaOptions { Directory = Place.Arena, Access = ArenaAccess.ReadOnly });
        Counts = new InnerMemory(_reader, "counts");
        Writes = new InnerMemory(_reader, "writes");
    }

    public Store Store { get; }

    public InnerMachine[] Machines { get; }

    public InnerMemory Counts { get; }

    public InnerMemory Writes { get; }

    /// <summary>The arena, to look at.</summary>
    public PersistentArena Arena => _reader;

    /// <summary>
    /// Opens the arena, with regions for machines of <c>lab.ram</c> MiB, and starts KvStore on it; in the first stage
    /// everything is begun.
    /// </summary>
    public static UpdateHost Start(Stage stage)
    {
        string directory = Place.Open(stage);
        long ram = stage.Arguments.Number("ram") << 20;
        InnerMachine[] machines = [new("counts", ram, IsHeard: true), new("writes", ram, IsHeard: false)];
        if (stage.Number == 0)
        {
            using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Directory = directory });
            foreach (InnerMachine machine in machines)
            {
                arena.CreateRegion(machine.Name, machine.Length, new RegionOptions { Kind = RegionKind.GuestRam })
                    .Dispose();
            }
        }

        if (stage.Number > 0)
        {
            UpdatePlan.PutBack(stage);
        }

        var host = new UpdateHost(stage, Store.Start(stage, directory, "--live-update-socket",
            UpdatePlan.KvStoreSocket), machines);
        if (stage.Number == 0)
        {
            host.Store.Load();
            string plan = UpdatePlan.Write(stage, machines);
            foreach (InnerMachine machine in machines)
            {
                Gmfs.Run(Done, "live-update", "start", plan, machine.Name);
            }

            host.Counts.WaitUntil("counting", memory => memory.Counted >= Numbers);
            host.Writes.WaitUntil("having written all twice", memory => memory.Times >= 2);
        }

        return host;
    }

    /// <summary>The whole update: does not come back.</summary>
    public void RunIntoNextKernel()
    {
        _stage.Host.Tell("running", "");
        string plan = UpdatePlan.Keep(_stage, UpdatePlan.Write(_stage, Machines));
        (int code, string text) = Gmfs.Try("live-update", "run", plan);
        throw new ScenarioException($"gmfs live-update run came back with {code}: {text}");
    }

    /// <summary>As a unit does at boot. Gives each participant's step.</summary>
    public Dictionary<string, string> Resume()
    {
        (int code, string text) = Gmfs.Try("live-update", "resume", "--arena", Place.Arena, "--json");
        JsonNode report = JsonNode.Parse(text)!;
        if (report["participants"] is null)
        {
            // It was all done by one that was killed then: there was nothing to go on with.
            (code, text) = Gmfs.Try("live-update", "status", "--arena", Place.Arena, "--json");
            report = JsonNode.Parse(text)!;
        }

        _stage.Host.Tell("resume", text);
        Dictionary<string, string> steps = report["participants"]!.AsArray().ToDictionary(one => (string)one!["name"]!,
            one => (string)one!["step"]!);
        Stage.Check(code == (steps.ContainsValue("Refused") ? Problems : Done),
            $"gmfs live-update resume ended with {code}: {text}");
        return steps;
    }

    /// <summary>
    /// Everything is as it was and goes on: the machine counts (whether each number came once is heard by the host),
    /// and every word of the other's memory is right, and every key.
    /// </summary>
    public void CheckAll(bool keys = true)
    {
        CheckCounts();
        uint written = Writes.Written;
        Writes.WaitUntil("writing on", memory => memory.Written >= written + MorePages);
        Monitor("writes", "stop");
        _stage.Host.Tell("pattern right at page", $"{Writes.CheckPattern()}");
        Monitor("writes", "cont");
        if (keys)
        {
            Store.Verify(new KvStore.Demo.Overwriter(Store.Data));
        }
    }

    /// <summary>KvStore takes a write, as it does once nobody asks it to stand still any more.</summary>
    public void Write(string key)
    {
        using KvStore.Demo.RespClient client = Store.Connect();
        client.Call("SET", key, "written");
    }

    /// <summary>What was written is there.</summary>
    public void CheckWritten(string key)
    {
        using KvStore.Demo.RespClient client = Store.Connect();
        Stage.Check(client.Call("GET", key).Text == "written", $"{key} is lost");
    }

    /// <summary>The machine goes on counting.</summary>
    public void CheckCounts()
    {
        uint counted = Counts.Counted;
        Counts.WaitUntil("counting on", memory => memory.Counted >= counted + Numbers);
        _stage.Host.Tell("counts on from", $"{counted}");
    }

    public void Dispose()
    {
        Counts.Dispose();
        Writes.Dispose();
        _reader.Dispose();
        Store.Dispose();
    }

    private void Monitor(string machine, string command)
    {
        using var cancellation = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        SendAsync().GetAwaiter().GetResult();

        async Task SendAsync()
        {
            await using VirtualMachines.QmpClient monitor = await VirtualMachines.QmpClient.ConnectAsync(
                Machines.Single(one => one.Name == machine).MonitorSocket,
                cancellationToken: cancellation.Token).ConfigureAwait(false);
            await monitor.ExecuteAsync(command, cancellationToken: cancellation.Token).ConfigureAwait(false);
        }
    }
}
