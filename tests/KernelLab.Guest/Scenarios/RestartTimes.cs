using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using KvStore.Demo;

namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>
/// How long KvStore takes from the start of its process to the first right answer, with <c>lab.keys</c> keys of
/// <c>lab.value</c> bytes on a medium: after SIGKILL, <c>lab.kills</c> times, and under a next kernel,
/// <c>lab.kexecs</c> times. Nothing is ever closed: a kexec comes over a running server, or, where the kernel has to be
/// handed the memory first, over a killed one. After each restart the number of keys and some of them are checked. All
/// times are told in milliseconds.
/// </summary>
internal sealed class RestartTimes : Scenario
{
    public override void Run(Stage stage) => new Restarts(stage).Run();
}

/// <summary>The same, under one kernel.</summary>
internal sealed class Restarts(Stage stage)
{
    private const string Socket = "/run/hold.sock", ServerSocket = "/run/kvstore.sock";
    private const int Checked = 300;
    private const int SentKeys = 257, CopiesAtOnce = 500;
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);
    private static readonly string[] s_programs = ["/app", "/dotnet"];
    private readonly long _keys = stage.Arguments.Number("keys");
    private readonly Dataset _sent = new(Math.Min(SentKeys, stage.Arguments.Number("keys")),
        (int)stage.Arguments.Number("value"), seed: 21);
    private readonly bool _held = stage.Arguments.Get("medium") == "memfd";

    public void Run()
    {
        ReadPrograms();
        using Process? holder = _held ? Timed("holder started", () => Gmfs.Hold(Socket)) : null;
        Timed("reached", Reach);
        ServerProcess server;
        if (stage.Number == 0)
        {
            server = Start();
            Tell("empty start", server.WaitUntilReady(s_limit));
            Timed("loaded", () => Load(server));
            Check(server);
            for (long i = stage.Arguments.Number("kills"); i > 0; i--)
            {
                server.Kill();
                server.Dispose();
                server = Restart("killed");
            }
        }
        else
        {
            server = Restart("kexec");
        }

        using (server)
        {
            if (stage.Number < stage.Arguments.Number("kexecs"))
            {
                Leave(server);
            }
        }

        holder?.Kill();
    }

    /// <summary>
    /// All of the programs' files are in memory before anything is measured: a disk is not what is compared, and which
    /// of them an earlier step happened to read is not either.
    /// </summary>
    private static void ReadPrograms()
    {
        var buffer = new byte[1 << 20];
        foreach (string file in s_programs.Where(Directory.Exists).SelectMany(folder =>
            Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)))
        {
            using FileStream stream = File.OpenRead(file);
            while (stream.Read(buffer) > 0)
            {
            }
        }
    }

    /// <summary>
    /// What has to be done before the program can start: a mount, or getting the memory back from the kernel.
    /// </summary>
    private string Reach()
    {
        if (!_held)
        {
            return Place.Open(stage);
        }

        return stage.Number == 0 ? "" : Gmfs.Run(0, "luo", "restore", "--holder", Socket);
    }

    /// <summary>
    /// Starts the server and waits until it has its socket. It is asked only then: each refused connection is an
    /// exception here, which takes an emulated processor as long as much of the start.
    /// </summary>
    private ServerProcess Start()
    {
        File.Delete(ServerSocket);
        string[] where = _held ? ["--arena", "", "--holder", Socket] : [];
        ServerProcess server = ServerProcess.Start(ServerProgram.KvStore(Store.Program, ["--size",
            stage.Arguments.Get("size"), .. where]), _held ? "/tmp/none" : Place.Arena, socketPath: ServerSocket);
        while (!File.Exists(ServerSocket) && !server.HasExited)
        {
            Thread.Sleep(1);
        }

        return server;
    }

    private ServerProcess Restart(string name)
    {
        ServerProcess server = Start();
        try
        {
            Tell(name, server.WaitFor(client => IsRight(client, _keys - 1), s_limit));
            Check(server);
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Some of it comes through the socket; the server copies the rest from that, key by key, because an emulated
    /// processor takes many minutes to pass gigabytes through sockets.
    /// </summary>
    private bool Load(ServerProcess server)
    {
        using var client = RespClient.Connect(server.TcpEndPoint, s_limit);
        Loader.Load(client, _sent, _ => { }, CancellationToken.None);
        Span<byte> from = stackalloc byte[Dataset.KeyLength], to = stackalloc byte[Dataset.KeyLength];
        for (long index = _sent.Keys; index < _keys;)
        {
            long end = Math.Min(index + CopiesAtOnce, _keys);
            for (long one = index; one < end; one++)
            {
                Dataset.Key(one % _sent.Keys, from);
                Dataset.Key(one, to);
                client.Begin(3);
                client.Argument("COPY"u8);
                client.Argument(from);
                client.Argument(to);
            }

            client.Flush();
            for (; index < end; index++)
            {
                RespReply reply = client.Read();
                Stage.Check(reply.Integer == 1, $"key {index} was not copied: {reply.Text}");
            }
        }

        return true;
    }

    /// <summary>
    /// Throws unless as many keys are there as were written, and some of them, all over, have their values.
    /// </summary>
    private void Check(ServerProcess server)
    {
        using var client = RespClient.Connect(server.TcpEndPoint, s_limit);
        long there = client.Call("DBSIZE").Integer;
        Stage.Check(there == _keys, $"{there} keys are there, {_keys} were written");
        long step = Math.Max(1, _keys / Checked);
        for (long index = 0; index < _keys; index += step)
        {
            Stage.Check(IsRight(client, index), $"key {index} of {_keys} has not its value");
        }

        ServerFacts facts = ServerFacts.Ask(server, "persistence");
        stage.Host.Tell("medium", facts.Find("arena_medium") ?? "");
        stage.Host.Tell("attach", $"{facts.Find("attach_kind")}");
        stage.Host.Tell("attached in", $"{facts.Find("attach_ms")}");
    }

    private bool IsRight(RespClient client, long index)
    {
        Span<byte> key = stackalloc byte[Dataset.KeyLength];
        Dataset.Key(index, key);
        client.Begin(2);
        client.Argument("GET"u8);
        client.Argument(key);
        client.Flush();
        var expected = new byte[_sent.ValueLength];
        _sent.Value(index % _sent.Keys, 0, expected);
        return client.TryReadBulk(out ReadOnlySpan<byte> got) && got.SequenceEqual(expected);
    }

    [DoesNotReturn]
    private void Leave(ServerProcess server)
    {
        if (!_held)
        {
            stage.LoadNext();
            Kexec.Enter();
        }

        server.Kill();
        string next = stage.Arguments.ForStage(stage.Number + 1, word => word);
        using Process process = Gmfs.Start(stage.Host, "step", "luo", "kexec", "kvstore", "--holder", Socket,
            "--kernel", $"/boot/{stage.Arguments.Get("next")}/vmlinuz", "--initrd", "/boot/initrd", "--command-line",
            next);
        process.WaitForExit();
        throw new ScenarioException($"gmfs luo kexec ended with {process.ExitCode}");
    }

    private T Timed<T>(string name, Func<T> action)
    {
        long since = Stopwatch.GetTimestamp();
        T result = action();
        Tell(name, Stopwatch.GetElapsedTime(since));
        return result;
    }

    private void Tell(string name, TimeSpan time) => stage.Host.Tell(name, $"{time.TotalMilliseconds:0.0}");
}
