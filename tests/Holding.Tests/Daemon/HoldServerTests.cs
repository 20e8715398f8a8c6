using System.Diagnostics;
using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Holding.Tests.Daemon;

/// <summary>
/// The daemon and its client, in one process. As processes of their own, killed and all, they are in KvStore's tests.
/// </summary>
public sealed class HoldServerTests
{
    private static readonly TimeSpan s_limit = Patience.Limit;

    [Fact]
    public void What_is_put_is_taken_until_it_is_dropped()
    {
        using var folder = new TestFolder();
        using HoldServer server = HoldServer.Start(folder["s"]);
        using var holder = new DaemonHolder(folder["s"], "shop");
        Assert.Empty(holder.Take());
        Assert.Contains($"(process {Environment.ProcessId}, since 20", holder.EmptyReason, StringComparison.Ordinal);
        Assert.Contains("nothing of 'shop'", holder.EmptyReason, StringComparison.Ordinal);

        Put(holder, "arena.meta", "one");
        Put(holder, "extent-1", "two");
        using var again = new DaemonHolder(folder["s"], "shop");
        Assert.Equal(["arena.meta=one", "extent-1=two"], Contents(again));
        using var other = new DaemonHolder(folder["s"], "other");
        Assert.Empty(Contents(other));
        Put(other, "arena.meta", "three!");
        Assert.Equal([new HeldStore("other", 1, 6), new HeldStore("shop", 2, 6)], server.Stores);

        again.Drop("arena.meta");
        again.Drop("never-there");
        Assert.Equal(["extent-1=two"], Contents(holder));
        holder.Drop("extent-1");
        Assert.Equal(["other"], server.Stores.Select(store => store.Name));
    }

    [Fact]
    public void The_socket_is_its_owners()
    {
        using var folder = new TestFolder();
        using HoldServer server = HoldServer.Start(folder["s"]);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(folder["s"]));
    }

    [Fact]
    public void Another_user_is_refused_even_where_the_socket_lets_him_in()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "takes root, to be somebody else");
        Assert.SkipUnless(File.Exists("/usr/bin/setpriv") && File.Exists("/usr/bin/python3"),
            "setpriv(1) or python3 is not there");
        using var folder = new TestFolder();
        using HoldServer server = HoldServer.Start(folder["s"]);
        using var holder = new DaemonHolder(folder["s"], "shop");
        Put(holder, "arena.meta", "secret");
        File.SetUnixFileMode(Path.GetDirectoryName(folder["s"])!, (UnixFileMode)0x1FF);
        File.SetUnixFileMode(folder["s"], (UnixFileMode)0x1FF);
        const string ask =
            "import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET)\ns.connect(sys.argv[1])\n" +
            "s.send(b'take\\nshop')\nm=s.recvmsg(4096,100)\nprint(m[0].decode(),len(m[1]))";
        var start = new ProcessStartInfo("/usr/bin/setpriv", ["--reuid=65534", "--clear-groups", "/usr/bin/python3",
            "-c", ask, folder["s"]]) { RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        string said = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal("error\nDenied\nit serves user 0 and root, and this is user 65534. 0", said.Trim());
    }

    [Fact]
    public void A_message_with_two_descriptors_leaks_none()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/python3"), "python3 is not there, which sends what our client cannot");
        using var folder = new TestFolder();
        using HoldServer server = HoldServer.Start(folder["s"]);
        string memory = folder["memory"];
        File.WriteAllText(memory, "x");
        const string send = """
            import array,os,socket,sys
            f=os.open(sys.argv[2],os.O_RDWR)
            for i in range(10):
                s=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET); s.connect(sys.argv[1])
                s.sendmsg([b'put\nshop\ntwo'],[(socket.SOL_SOCKET,socket.SCM_RIGHTS,array.array('i',[f,f]))])
                s.recv(4096)
            """;
        using Process process = Process.Start("/usr/bin/python3", ["-c", send, folder["s"], memory]);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        bool none = SpinWait.SpinUntil(() => OpenTimes(memory) == 0, s_limit);
        Assert.True(none, $"{OpenTimes(memory)} descriptors were leaked");
        Assert.Empty(server.Stores);
    }

    [Fact]
    public void Notes_are_limited_in_number_and_length_and_one_can_be_taken_back()
    {
        using var folder = new TestFolder();
        using HoldServer server = HoldServer.Start(folder["s"]);
        using HoldConnection client = HoldConnection.Connect(folder["s"], PathTrust.Own);
        for (int i = 0; i < HoldNotes.Most; i++)
        {
            Assert.Equal("ok", Note(client, $"store{i}", "gone").Word);
        }

        HoldMessage refused = Note(client, "more", "gone");
        Assert.Equal(("error", "NoSpace"), (refused.Word, refused.Fields[0]));
        Assert.Contains("at most 256 notes", refused.Fields[1], StringComparison.Ordinal);
        Assert.Equal("ok", Note(client, "store7", "another").Word); // In the old one's place.
        Assert.Equal("ok", Note(client, "store7", "").Word);
        Assert.Equal("ok", Note(client, "more", "gone").Word);
        refused = Note(client, "more", new string('x', 2001));
        Assert.Contains("at most 2000 characters", refused.Fields[1], StringComparison.Ordinal);
        Assert.Contains("cannot be an arena's name", Note(client, "../up", "gone").Fields[1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_successor_gets_everything_and_clients_follow_it()
    {
        using var folder = new TestFolder();
        using HoldServer first = HoldServer.Start(folder["s"]);
        using var holder = new DaemonHolder(folder["s"], "shop");
        Put(holder, "arena.meta", "one");
        using HoldServer second = HoldServer.Start(folder["s"]);
        Assert.True(first.Wait(CancellationToken.None));
        Assert.Equal([new HeldStore("shop", 1, 3)], second.Stores);
        first.Dispose(); // As its process ends.

        Put(holder, "extent-1", "two"); // Over a new connection.
        Assert.Equal([new HeldStore("shop", 2, 6)], second.Stores);
        Assert.Equal(["arena.meta=one", "extent-1=two"], Contents(holder));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_successor_that_dies_in_the_middle_changes_nothing(int read)
    {
        using var folder = new TestFolder();
        using HoldServer server = HoldServer.Start(folder["s"]);
        using var holder = new DaemonHolder(folder["s"], "shop");
        Put(holder, "arena.meta", "one");
        using (HoldConnection dying = HoldConnection.Connect(folder["s"], PathTrust.Own))
        {
            File.Delete(folder["s"]); // It had put its own socket there.
            dying.Send("handover");
            for (int i = 0; i < read; i++)
            {
                HoldMessage message = dying.Receive()!.Value;
                Assert.Equal("file", message.Word);
                message.Descriptor!.Dispose();
            }
        }

        Until(() => File.Exists(folder["s"]));
        Put(holder, "extent-1", "two");
        using var again = new DaemonHolder(folder["s"], "shop");
        Assert.Equal(["arena.meta=one", "extent-1=two"], Contents(again));
    }

    [Fact]
    public void A_holder_that_lost_everything_is_given_it_again_by_who_still_lives()
    {
        using var folder = new TestFolder();
        HoldServer first = HoldServer.Start(folder["s"]);
        using var holder = new DaemonHolder(folder["s"], "shop");
        Put(holder, "arena.meta", "one");
        Put(holder, "extent-1", "two");
        holder.Drop("extent-1");
        Stop(folder["s"], first);
        MediumException e = Assert.Throws<MediumException>(() => Put(holder, "extent-2", "x"));
        Assert.Equal(MediumErrorKind.Missing, e.Kind);

        using HoldServer second = HoldServer.Start(folder["s"]);
        Until(() => second.Stores is [{ Name: "shop", Files: 1, Bytes: 3 }]);
        Assert.Equal(["arena.meta=one"], Contents(holder));
    }

    [Fact]
    public void A_service_manager_gives_it_to_the_next_process()
    {
        using var folder = new TestFolder();
        var manager = new ProcessHolder("hold");
        using (HoldServer first = HoldServer.Start(folder["s"], manager))
        using (var holder = new DaemonHolder(folder["s"], "shop"))
        {
            Put(holder, "arena.meta", "one");
            Put(holder, "extent-1", "two");
            Put(holder, "extent-2", "three");
            holder.Drop("extent-1");
        }

        using HoldServer second = HoldServer.Start(folder["s"], manager);
        using var again = new DaemonHolder(folder["s"], "shop");
        Assert.Equal(["arena.meta=one", "extent-2=three"], Contents(again));
        manager.Release();
    }

    [Fact]
    public void Nobody_there_is_said_with_what_to_do()
    {
        using var folder = new TestFolder();
        MediumException e = Assert.Throws<MediumException>(() => new DaemonHolder(folder["s"], "shop"));
        Assert.Equal(MediumErrorKind.Missing, e.Kind);
        Assert.Contains($"gmfs hold --socket {folder["s"]}", e.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new DaemonHolder(folder["s"], "a/b"));
    }

    [Fact]
    public void Nonsense_is_answered_and_harms_nobody()
    {
        using var folder = new TestFolder();
        using HoldServer server = HoldServer.Start(folder["s"]);
        using HoldConnection client = HoldConnection.Connect(folder["s"], PathTrust.Own);
        foreach (string word in (string[])["x", "put", "take", "handover\nx", new string('x', 4000)])
        {
            client.Send(word);
            Assert.Equal("error", client.Receive()!.Value.Word);
        }

        using var raw = new Socket(AddressFamily.Unix, SocketType.Seqpacket, ProtocolType.Unspecified);
        raw.Connect(new UnixDomainSocketEndPoint(folder["s"]));
        raw.Send(new byte[100_000]); // Longer than any message: it hangs up.
        Assert.Equal(0, raw.Receive(new byte[10]));
        client.Send("list");
        Assert.Equal("done", client.Receive()!.Value.Word);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Who_does_not_read_its_answers_does_not_keep_others_waiting_for_ever()
    {
        using var folder = new TestFolder();
        using HoldServer server = HoldServer.Start(folder["s"]);
        using var holder = new DaemonHolder(folder["s"], "shop");
        Put(holder, "arena.meta", "one");
        using HoldConnection hung = HoldConnection.Connect(folder["s"], PathTrust.Own);
        var asking = new Thread(() =>
        {
            try
            {
                while (true)
                {
                    hung.Send("take", "shop");
                }
            }
            catch (IOException)
            {
                // It was closed upon us.
            }
        }) { IsBackground = true };
        asking.Start();
        Assert.True(asking.Join(s_limit), "the holder never gave it up");
        Assert.Equal(["arena.meta=one"], Contents(holder));
    }

    [Fact]
    public void What_is_no_memory_is_refused_and_the_list_stays_readable()
    {
        using var folder = new TestFolder();
        using HoldServer server = HoldServer.Start(folder["s"]);
        using var holder = new DaemonHolder(folder["s"], "shop");
        using var pipe = new System.IO.Pipes.AnonymousPipeServerStream();
        using var descriptor = new SafeFileHandle(pipe.SafePipeHandle.DangerousGetHandle(), ownsHandle: false);
        MediumException refused = Assert.Throws<MediumException>(() => holder.Put("extent-1", descriptor));
        Assert.Equal(MediumErrorKind.NotSupported, refused.Kind);
        Put(holder, "extent-1", "one");
        Put(holder, "extent-1", "again"); // in place of the first
        Assert.Equal([new HeldStore("shop", 1, 5)], server.Stores);
    }

    [Fact]
    public void An_arena_lives_in_it()
    {
        using var folder = new TestFolder();
        using HoldServer server = HoldServer.Start(folder["s"]);
        Guid id;
        using (Medium medium = Medium.FromHolder(Holders.Open(folder["s"], "shop")))
        using (PersistentArena arena = PersistentArena.OpenOrCreate(new ArenaOptions { Medium = medium }))
        {
            Assert.Equal(AttachKind.Fresh, arena.AttachReport.Kind);
            Assert.Contains(arena.AttachReport.Reasons,
                reason => reason.Code == ReasonCodes.Created
                    && reason.Text.Contains("has nothing of 'shop'", StringComparison.Ordinal));
            id = arena.Id;
            using PersistentRegion region = arena.CreateRegion("a", 8 << 20);
            region.AsSpan(0, 4).Fill(7);
            region.Grow(64 << 20);
        }

        using (Medium medium = Medium.FromHolder(Holders.Open(folder["s"], "shop")))
        using (PersistentArena arena = PersistentArena.OpenOrCreate(new ArenaOptions { Medium = medium }))
        {
            Assert.Equal((AttachKind.Warm, id), (arena.AttachReport.Kind, arena.Id));
            using PersistentRegion region = arena.OpenRegion("a");
            Assert.Equal([7, 7, 7, 7], region.AsSpan(0, 4).ToArray());
        }
    }

    // As a kill does: the socket stays, connections break.
    private static void Stop(string path, HoldServer server)
    {
        using HoldConnection successor = HoldConnection.Connect(path, PathTrust.Own);
        successor.Send("handover");
        while (successor.Receive() is { } message && message.Word != "done")
        {
            message.Descriptor?.Dispose();
        }

        successor.Send("ok");
        Assert.True(server.Wait(CancellationToken.None));
        server.Dispose();
    }

    private static void Until(Func<bool> condition)
    {
        long since = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(since) < s_limit, "it did not come to that");
            Thread.Sleep(20);
        }
    }

    private static void Put(DescriptorHolder holder, string name, string content)
    {
        using SafeFileHandle file = File.OpenHandle(Path.GetTempFileName(), FileMode.Open, FileAccess.ReadWrite,
            FileShare.None, FileOptions.DeleteOnClose);
        RandomAccess.Write(file, System.Text.Encoding.ASCII.GetBytes(content), 0);
        holder.Put(name, file);
    }

    private static string[] Contents(DescriptorHolder holder)
    {
        var contents = new List<string>();
        foreach ((string name, SafeFileHandle file) in holder.Take().OrderBy(file => file.Name, StringComparer.Ordinal))
        {
            byte[] bytes = new byte[RandomAccess.GetLength(file)];
            RandomAccess.Read(file, bytes, 0);
            contents.Add($"{name}={System.Text.Encoding.ASCII.GetString(bytes)}");
            file.Dispose();
        }

        return [.. contents];
    }

    private static HoldMessage Note(HoldConnection client, string store, string text)
    {
        client.Send("note", store, text);
        return client.Receive()!.Value;
    }

    private static int OpenTimes(string file) =>
        Directory.EnumerateFiles("/proc/self/fd").Count(one => new FileInfo(one).LinkTarget == file);
}
