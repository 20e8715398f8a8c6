using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using GuestMemFs.VirtualMachines;

namespace GuestMemFs.LiveUpdate.Tests;

/// <summary>What another user of the machine cannot do: he is played by user 65534, in a process of his own.</summary>
public sealed class SecondUserTests : IDisposable
{
    private const uint Stranger = 65534;

    // Listens at a path as whoever runs it, says so, and prints what it is given: words, and how many descriptors.
    private const string Squatter = """
        import os,socket,sys
        s=socket.socket(socket.AF_UNIX,getattr(socket,sys.argv[2]))
        s.bind(sys.argv[1]); os.chmod(sys.argv[1],0o777); s.listen(5); print('listens',flush=True)
        c=s.accept()[0]; c.settimeout(20)
        m,a,_,_=c.recvmsg(4096,1000)
        print('given %d bytes, %d descriptors' % (len(m),len(a)),flush=True)
        """;

    private const string PlanText = """
        { "arena": "/a", "kernel": { "image": "/k" }, "services": [ { "name": "db", "socket": "/s" } ] }
        """;

    private readonly TestFolder _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Who_squats_on_the_holders_path_is_given_nothing()
    {
        using Process squatter = await SquatAsync("hold.sock", "SOCK_SEQPACKET");
        UntrustedOwnerException e =
            Assert.Throws<UntrustedOwnerException>(() => new DaemonHolder(_folder["hold.sock"], "shop"));
        Assert.Equal(ReasonCodes.UntrustedOwner, e.ReasonCode);
        Assert.Contains($"({Stranger})", e.Message, StringComparison.Ordinal);
        Assert.Contains("--trust-owner", e.Message, StringComparison.Ordinal);
        await RequireSaidAsync(squatter, "given 0 bytes, 0 descriptors");
    }

    [Fact]
    public async Task A_successor_takes_nothing_over_from_who_squats_on_its_path()
    {
        using Process squatter = await SquatAsync("hold.sock", "SOCK_SEQPACKET");
        Assert.Throws<UntrustedOwnerException>(() => HoldServer.Start(_folder["hold.sock"]));
        await RequireSaidAsync(squatter, "given 0 bytes");
    }

    [Fact]
    public async Task A_user_who_was_named_is_trusted()
    {
        using Process squatter = await SquatAsync("hold.sock", "SOCK_SEQPACKET");
        using var holder = new DaemonHolder(_folder["hold.sock"], "shop", new PathTrust($"{Stranger}"));
        Assert.Throws<MediumException>(holder.Take); // He answers nothing: but he was asked.
        await RequireSaidAsync(squatter, "given 9 bytes");
    }

    [Fact]
    public async Task A_monitor_of_another_user_is_told_nothing()
    {
        using Process squatter = await SquatAsync("vm.qmp", "SOCK_STREAM");
        await Assert.ThrowsAsync<UntrustedOwnerException>(
            () => QmpClient.ConnectAsync(_folder["vm.qmp"], null, Cancellation));
        await RequireSaidAsync(squatter, "given 0 bytes");
    }

    [Fact]
    public async Task A_service_of_another_user_is_asked_nothing_unless_the_plan_names_him()
    {
        using Process squatter = await SquatAsync("db.socket", "SOCK_STREAM");
        using var service = new ServiceParticipant(new ServiceSettings { Name = "db", Socket = _folder["db.socket"] });
        await Assert.ThrowsAsync<UntrustedOwnerException>(() => service.SaveAsync(Cancellation));
        await RequireSaidAsync(squatter, "given 0 bytes");
    }

    [Fact]
    public async Task An_endpoint_answers_no_other_user()
    {
        RequireRoot();
        await using LiveUpdateEndpoint endpoint =
            LiveUpdateEndpoint.Start(_folder["db.socket"], new Actor("db", 0), null);
        OpenToAll(_folder["db.socket"]);
        const string ask = """
            import socket,sys
            s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
            s.sendall(b'{"call":"save"}\n'); print(s.recv(4096).decode())
            """;
        using Process process = Run(ask, _folder["db.socket"]);
        string answer = await process.StandardOutput.ReadToEndAsync(Cancellation);
        string? error = JsonDocument.Parse(answer).RootElement.GetProperty("error").GetString();
        Assert.Contains($"this is user {Stranger}", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stranger_who_says_nothing_keeps_no_endpoint_from_its_own_user()
    {
        RequireRoot();
        await using LiveUpdateEndpoint endpoint =
            LiveUpdateEndpoint.Start(_folder["db.socket"], new Actor("db", 0), null);
        OpenToAll(_folder["db.socket"]);
        const string hang = """
            import socket,sys,time
            s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print('there',flush=True); time.sleep(60)
            """;
        using Process process = Run(hang, _folder["db.socket"]);
        Assert.Equal("there", await process.StandardOutput.ReadLineAsync(Cancellation));

        using var ours = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        ours.ReceiveTimeout = 20_000;
        ours.Connect(new UnixDomainSocketEndPoint(_folder["db.socket"]));
        ours.Send("{\"call\":\"state\"}\n"u8);
        byte[] answer = new byte[4096];
        int length = ours.Receive(answer);

        Assert.DoesNotContain($"{Stranger}", Encoding.UTF8.GetString(answer, 0, length), StringComparison.Ordinal);
        Assert.NotEqual(0, length);
        Assert.False(process.HasExited);
        process.Kill();
    }

    [Fact]
    public void A_plan_that_another_user_owns_or_can_write_is_not_read()
    {
        RequireRoot();
        string plan = _folder["plan.json"];
        File.WriteAllText(plan, PlanText);
        Assert.Equal("/a", LiveUpdatePlan.Read(plan).Arena);
        File.SetUnixFileMode(plan, (UnixFileMode)0x1B6); // 0666
        RequireRefused(plan, "chmod go-w");
        File.SetUnixFileMode(plan, (UnixFileMode)0x1A4); // 0644
        Give(plan);
        Assert.Throws<UntrustedOwnerException>(() => LiveUpdatePlan.Read(plan));
        Assert.Equal("/a", LiveUpdatePlan.Read(plan, new PathTrust($"{Stranger}")).Arena);
    }

    [Fact]
    public void A_plan_is_not_read_over_another_users_link_or_directory()
    {
        RequireRoot();
        Directory.CreateDirectory(_folder["sub"]);
        string plan = _folder["sub/plan.json"];
        File.WriteAllText(plan, PlanText);
        File.CreateSymbolicLink(_folder["link.json"], plan);
        Assert.Equal("/a", LiveUpdatePlan.Read(_folder["link.json"]).Arena); // Our own link may be followed.
        Give(_folder["link.json"]);
        RequireRefused(_folder["link.json"], "symbolic link");
        Give(_folder["sub"]);
        RequireRefused(plan, "sub/");
        File.SetUnixFileMode(_folder["sub"], (UnixFileMode)0x3FF); // 01777: sticky, and what lies in it is ours.
        Assert.Equal("/a", LiveUpdatePlan.Read(plan).Arena);
    }

    [Fact]
    public async Task An_arena_of_another_user_carries_no_plan_out()
    {
        RequireRoot();
        PersistentArena.Create(new ArenaOptions { Directory = _folder["arena"] }).Dispose();
        Give(_folder["arena"]);
        using var updater = new LiveUpdater(_folder["arena"], new StandInKernel(), null, TimeProvider.System);
        await Assert.ThrowsAsync<UntrustedOwnerException>(() => updater.ResumeAsync(cancellationToken: Cancellation));
    }

    private static void RequireRoot()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "takes root, to be somebody else");
        Assert.SkipUnless(File.Exists("/usr/bin/setpriv"), "setpriv(1) is not there (package util-linux)");
        Assert.SkipUnless(File.Exists("/usr/bin/python3"), "python3 is not there");
    }

    private static async Task RequireSaidAsync(Process squatter, string what)
    {
        string said = await squatter.StandardOutput.ReadToEndAsync(Cancellation);
        Assert.Contains(what, said, StringComparison.Ordinal);
    }

    private static void RequireRefused(string plan, string saying)
    {
        UntrustedOwnerException e = Assert.Throws<UntrustedOwnerException>(() => LiveUpdatePlan.Read(plan));
        Assert.Contains(saying, e.Message, StringComparison.Ordinal);
    }

    private static void OpenToAll(string socket)
    {
        File.SetUnixFileMode(Path.GetDirectoryName(socket)!, (UnixFileMode)0x1FF);
        File.SetUnixFileMode(socket, (UnixFileMode)0x1FF);
    }

    private static void Give(string path)
    {
        using Process chown = Process.Start("chown", ["--no-dereference", $"{Stranger}", path]);
        chown.WaitForExit();
        Assert.Equal(0, chown.ExitCode);
    }

    private static Process Run(string program, params string[] arguments) => Process.Start(new ProcessStartInfo(
        "/usr/bin/setpriv", ["--reuid=65534", "--clear-groups", "/usr/bin/python3", "-c", program, .. arguments])
    {
        RedirectStandardOutput = true,
    })!;

    // In a sticky directory that is open to all, as /tmp is.
    private async Task<Process> SquatAsync(string name, string kind)
    {
        RequireRoot();
        File.SetUnixFileMode(Path.GetDirectoryName(_folder[name])!, (UnixFileMode)0x3FF);
        Process process = Run(Squatter, _folder[name], kind);
        Assert.Equal("listens", await process.StandardOutput.ReadLineAsync(Cancellation));
        return process;
    }
}
