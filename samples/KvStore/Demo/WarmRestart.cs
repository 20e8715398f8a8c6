namespace KvStore.Demo;

/// <summary>The demo's main act: load, SIGKILL in mid-write, start again, check everything.</summary>
internal sealed record WarmRestart
{
    private static readonly TimeSpan s_writeBeforeKill = TimeSpan.FromSeconds(1);

    public TimeSpan EmptyStart { get; private init; }

    public TimeSpan Load { get; private init; }

    public TimeSpan Restart { get; private init; }

    public TimeSpan Verify { get; private init; }

    public double MemoryAKey { get; private init; }

    public bool AllRight { get; private init; }

    /// <summary>
    /// Plays it with this program as the server, or with another one (by which the demo itself is tested).
    /// </summary>
    public static WarmRestart Play(DemoOptions options, Dataset data, Scene scene, ServerProgram? other = null)
    {
        DemoArena arena = DemoArena.Choose(options);
        string directory = arena.Directory;
        if (!options.Keep)
        {
            scene.AtEnd(arena.Delete);
        }

        ServerProgram program = other ?? ServerProgram.KvStore(Itself(), "--size", $"{options.ArenaSize >> 20}M");
        Introduce(options, data, arena, scene);

        scene.Say("\n1  Load it through a socket");
        ServerProcess server = scene.Start(program, directory);
        TimeSpan emptyStart = server.WaitUntilReady();
        TimeSpan load = LoadInto(server, data, scene);

        scene.Say("\n2  Kill it with SIGKILL while it writes");
        Overwriter writes = KillWhileWriting(server, data, scene);

        scene.Say("\n3  Start it again");
        var verifier = new Verifier(data, writes);
        server = scene.Start(program, directory);
        TimeSpan restart = FirstRightAnswer(server, data, verifier.IsRight);
        scene.Say($"   the first right answer came {restart.TotalSeconds:0.000} s after the start of the process (on " +
            $"an empty arena it was {emptyStart.TotalSeconds:0.000} s)");
        foreach (string line in ServerFacts.Ask(server, "persistence").AttachReport())
        {
            scene.Say($"   {line}");
        }

        scene.Say("\n4  Check every key");
        TimeSpan verify = CheckEveryKey(server, data, verifier, scene);
        double memory = (double)ServerFacts.Ask(server, "memory").Number("arena_frontier") / data.Keys;
        server.Terminate();
        return new WarmRestart
        {
            MemoryAKey = memory,
            EmptyStart = emptyStart,
            Load = load,
            Restart = restart,
            Verify = verify,
            AllRight = verifier.Right == data.Keys,
        };
    }

    /// <summary>Loads all keys with a progress bar; returns how long it took.</summary>
    public static TimeSpan LoadInto(ServerProcess server, Dataset data, Scene scene)
    {
        ProgressBar bar = scene.Progress("keys", data.Keys);
        using var client = RespClient.Connect(server.TcpEndPoint);
        Loader.Load(client, data, bar.Report, scene.Stop);
        return bar.Elapsed;
    }

    /// <summary>
    /// Waits for the first right answer to a GET, and returns the time since the process was started.
    /// </summary>
    public static TimeSpan FirstRightAnswer(ServerProcess server, Dataset data, RightAnswer isRight)
    {
        long index = data.Keys / 2;
        var key = new byte[Dataset.KeyLength];
        Dataset.Key(index, key);
        return server.WaitFor(client => client.Call("GET", key) is { Kind: RespKind.Bulk, Bytes: { } value }
            && isRight(index, value), TimeSpan.FromMinutes(10));
    }

    /// <summary>Whether a value is one that a key may have.</summary>
    public delegate bool RightAnswer(long index, ReadOnlySpan<byte> value);

    private static void Introduce(DemoOptions options, Dataset data, DemoArena arena, Scene scene)
    {
        scene.Say($"\n   medium  {arena.Why}");
        scene.Say($"   arena   {arena.Directory}{(options.Keep ? ", which will be kept" : "")}");
        scene.Say($"   data    {data.Keys:N0} keys, values of {data.ValueLength} bytes");
    }

    private static TimeSpan CheckEveryKey(ServerProcess server, Dataset data, Verifier verifier, Scene scene)
    {
        ProgressBar bar = scene.Progress("keys", data.Keys);
        using (var client = RespClient.Connect(server.TcpEndPoint))
        {
            verifier.Run(client, bar.Report, scene.Stop);
        }

        TimeSpan took = bar.Elapsed;
        scene.Say($"   {verifier.Right:N0} right, {verifier.Lost:N0} lost, {verifier.Wrong:N0} wrong");
        verifier.Examples.ForEach(example => scene.Say($"   {example}"));
        return took;
    }

    private static Overwriter KillWhileWriting(ServerProcess server, Dataset data, Scene scene)
    {
        var writes = new Overwriter(data);
        Exception? failure = null;
        var writer = new Thread(() =>
        {
            try
            {
                writes.Run(server.TcpEndPoint);
            }
            catch (Exception e) when (e is InvalidDataException or System.Net.Sockets.SocketException)
            {
                failure = e;
            }
        });
        writer.Start();
        scene.Stop.WaitHandle.WaitOne(s_writeBeforeKill);
        int id = server.Id;
        server.Kill();
        writer.Join();
        scene.Stop.ThrowIfCancellationRequested();
        if (failure is not null)
        {
            throw new InvalidOperationException($"the writer failed: {failure.Message}", failure);
        }

        scene.Say($"   process {id} is gone, after {writes.Acknowledged:N0} acknowledged overwrites, " +
            $"with {writes.Sent - writes.Acknowledged:N0} more under way");
        return writes;
    }

    private static string Itself() =>
        Environment.ProcessPath is { } path && Path.GetFileName(path) == "KvStore" ? path
            : Path.Combine(AppContext.BaseDirectory, "KvStore.dll");
}
