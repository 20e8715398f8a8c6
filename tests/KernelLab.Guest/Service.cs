using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using KvStore.Demo;

namespace GuestMemFs.KernelLab.Guest;

/// <summary>A unit of systemd's, by <c>systemctl</c>.</summary>
internal class Service(string unit)
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    // To ask systemd is to start a program, and takes processors that are emulated from what is waited for.
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(300);

    public string Unit => unit;

    /// <summary>0 where it does not run.</summary>
    public int MainProcess => int.Parse(Property("MainPID"), CultureInfo.InvariantCulture);

    /// <summary>How many descriptors systemd holds for it.</summary>
    public int Held => int.Parse(Property("NFileDescriptorStore"), CultureInfo.InvariantCulture);

    /// <summary>Start, stop, restart: returns when it is done.</summary>
    public void Do(string verb) => Shell.Run("systemctl", verb, unit);

    /// <summary>Adds to the unit, until the next boot.</summary>
    public void DropIn(string text)
    {
        string folder = Directory.CreateDirectory($"/run/systemd/system/{unit}.service.d").FullName;
        File.WriteAllText($"{folder}/lab.conf", text);
        Shell.Run("systemctl", "daemon-reload");
    }

    /// <summary>Waits until a unit that does one thing has done it; throws where that went wrong.</summary>
    public void WaitUntilDone()
    {
        WaitFor(() => Property("ActiveState") is "inactive" or "failed"
            && Property("ExecMainExitTimestampMonotonic") != "0", "its end");
        Stage.Check(Property("Result") == "success",
            $"{unit} ended with {Property("Result")}. {Shell.Try("systemctl", "status", "--no-pager", unit).Text}");
    }

    /// <summary>Kills its main process, and waits until systemd has started another.</summary>
    public void Kill()
    {
        int old = MainProcess;
        Stage.Check(old != 0, $"{unit} does not run");
        Shell.Run("kill", "-9", $"{old}");
        WaitFor(() => MainProcess != old && Property("ActiveState") == "active", "systemd to start it again");
    }

    protected string Property(string name) => Shell.Run("systemctl", "show", "-P", name, unit);

    protected void WaitFor(Func<bool> condition, string what)
    {
        long since = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Stage.Check(Stopwatch.GetElapsedTime(since) < s_limit,
                $"{unit}: waited {s_limit.TotalSeconds} s " +
                $"for {what}. {Shell.Try("systemctl", "status", "--no-pager", unit).Text}");
            Thread.Sleep(s_pause);
        }
    }
}

/// <summary>KvStore as a service, at its own port. What is found is told the host.</summary>
internal sealed class StoreService(Stage stage, string unit) : Service(unit)
{
    private const int ValueLength = 64;
    private static readonly IPEndPoint s_port = new(IPAddress.Loopback, 6380);
    private readonly Dataset _data = new(stage.Arguments.Number("keys"), ValueLength, seed: 4);

    /// <summary>Fills it.</summary>
    public void Load()
    {
        long since = Stopwatch.GetTimestamp();
        using RespClient client = Connect();
        Loader.Load(client, _data, _ => { }, CancellationToken.None);
        Tell("loaded", since);
    }

    /// <summary>
    /// Reads every key back; tells how the arena was found after what, and throws unless it is as it must be and all
    /// are right.
    /// </summary>
    public void Verify(string after, string attach)
    {
        long since = Stopwatch.GetTimestamp();
        using RespClient client = Connect();
        Tell($"{after}: answered", since);
        CheckAttach(client, after, attach);
        var verifier = new Verifier(_data, new Overwriter(_data));
        verifier.Run(client, _ => { }, CancellationToken.None);
        Tell($"{after}: verified", since);
        Stage.Check(verifier.Right == _data.Keys,
            $"{Unit}, {after}: {verifier.Right} keys are right, {verifier.Lost} " +
            $"lost, {verifier.Wrong} wrong: {string.Join("; ", verifier.Examples)}");
        stage.Host.Tell("right", $"{verifier.Right}");
    }

    /// <summary>That it began anew.</summary>
    public void VerifyFresh()
    {
        using RespClient client = Connect();
        CheckAttach(client, "started", "fresh");
    }

    private void CheckAttach(RespClient client, string after, string attach)
    {
        ServerFacts facts = ServerFacts.Ask(client, "persistence");
        string report = string.Join(" | ", facts.AttachReport());
        string kind = facts.Find("attach_kind") ?? "";
        stage.Host.Tell("attach", $"{Unit} {after}: {kind}");
        stage.Host.Tell("report", report);
        Stage.Check(kind == attach, $"{Unit}, {after}: attached {kind}, not {attach}: {report}");
    }

    private RespClient Connect()
    {
        RespClient? client = null;
        WaitFor(() => (client ??= TryConnect())?.Call("PING").Text == "PONG", "an answer");
        return client!;
    }

    private static RespClient? TryConnect()
    {
        try
        {
            return RespClient.Connect(s_port);
        }
        catch (SocketException)
        {
            return null; // It does not listen yet.
        }
    }

    private void Tell(string what, long since) =>
        stage.Host.Tell("time", $"{what} {Stopwatch.GetElapsedTime(since).TotalSeconds:0.0} s");
}
