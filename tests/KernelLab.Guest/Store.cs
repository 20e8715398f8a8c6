using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using KvStore.Demo;

namespace GuestMemFs.KernelLab.Guest;

/// <summary>
/// KvStore as a process of its own, filled and looked through over its socket. What is measured is told the host.
/// </summary>
internal sealed class Store : IDisposable
{
    /// <summary>KvStore.</summary>
    public const string Program = "/app/KvStore";

    private const int ValueLength = 64;
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(2);
    private readonly Stage _stage;
    private readonly ServerProcess _server;

    private Store(Stage stage, ServerProcess server)
    {
        _stage = stage;
        _server = server;
        Data = new Dataset(stage.Arguments.Number("keys"), ValueLength, seed: 4);
    }

    /// <summary>What is in it.</summary>
    public Dataset Data { get; }

    public ServerProcess Server => _server;

    /// <summary>Starts it on an arena and waits for its first answer.</summary>
    public static Store Start(Stage stage, string directory, params string[] more)
    {
        var store = new Store(stage, ServerProcess.Start(ServerProgram.KvStore(Program,
            ["--size", stage.Arguments.Find("size") ?? "256M", .. more]), directory));
        try
        {
            store.Tell("first answer", store._server.WaitUntilReady(s_limit));
            return store;
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    public void Load()
    {
        long since = Stopwatch.GetTimestamp();
        using RespClient client = Connect();
        Loader.Load(client, Data, _ => { }, CancellationToken.None);
        Tell("loaded", Stopwatch.GetElapsedTime(since));
    }

    /// <summary>Fills it, closes it and goes to the next kernel.</summary>
    [DoesNotReturn]
    public void LoadStopAndKexec()
    {
        Load();
        Stop();
        _stage.LoadNext();
        Kexec.Enter();
    }

    /// <summary>Reads every key back; throws unless all are right.</summary>
    public void Verify(Overwriter writes)
    {
        long since = Stopwatch.GetTimestamp();
        var verifier = new Verifier(Data, writes);
        using (RespClient client = Connect())
        {
            verifier.Run(client, _ => { }, CancellationToken.None);
        }

        Tell("verified", Stopwatch.GetElapsedTime(since));
        _stage.Host.Tell("right", $"{verifier.Right}");
        Stage.Check(verifier.Right == Data.Keys,
            $"{verifier.Right} keys are right, {verifier.Lost} lost, {verifier.Wrong} " +
            $"wrong: {string.Join("; ", verifier.Examples)}");
    }

    /// <summary>Tells how the arena was found: the kind as <c>attach</c>, the medium, and each reason.</summary>
    public void TellAttach()
    {
        ServerFacts facts = ServerFacts.Ask(_server, "persistence");
        _stage.Host.Tell("arena", facts.Find("arena_id") ?? "");
        _stage.Host.Tell("attach", facts.Find("attach_kind") ?? "");
        _stage.Host.Tell("medium", facts.Find("arena_medium") ?? "");
        _stage.Host.Tell("page size", facts.Find("arena_page_size") ?? "");
        foreach (string line in facts.AttachReport())
        {
            _stage.Host.Tell("reason", line);
        }
    }

    /// <summary>Ends it with SIGTERM, which closes the arena.</summary>
    public void Stop()
    {
        int code = _server.Terminate(s_limit);
        Stage.Check(code == 0, $"KvStore ended with {code}: {_server.Output}");
    }

    public void Dispose() => _server.Dispose();

    public RespClient Connect() => RespClient.Connect(_server.TcpEndPoint, s_limit);

    private void Tell(string what, TimeSpan time) => _stage.Host.Tell("time", $"{what} {time.TotalSeconds:0.0} s");
}
