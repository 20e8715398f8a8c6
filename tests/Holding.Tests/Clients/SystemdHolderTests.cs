using System.Net.Sockets;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Holding.Tests.Clients;

/// <summary>
/// What goes over the notify socket, as sd_notify(3) says it. With a server behind it, see KvStore's tests.
/// </summary>
public sealed class SystemdHolderTests
{
    [Fact]
    public async Task A_descriptor_is_handed_over_and_waited_for()
    {
        CancellationToken stop = TestContext.Current.CancellationToken;
        using var folder = new TestFolder();
        using var manager = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        manager.Bind(new UnixDomainSocketEndPoint(folder["notify"]));
        using SystemdHolder holder = Holder(folder, ("FDSTORE", "7"));
        Assert.Equal(7, holder.MaximumFiles);
        using SafeFileHandle file = File.OpenHandle("/dev/zero");

        Task put = Task.Run(() => holder.Put("extent-1", file), stop);
        Assert.Equal("FDSTORE=1\nFDNAME=shop/extent-1\nFDPOLL=0", Receive(manager, out SafeFileHandle? stored));
        Assert.NotNull(stored);
        Assert.Equal("BARRIER=1", Receive(manager, out SafeFileHandle? barrier));
        await Task.Delay(100, stop);
        Assert.False(put.IsCompleted); // Until the pipe is closed, the descriptor may still be on its way.
        barrier!.Dispose();
        await put;
        byte[] content = [1];
        Assert.Equal(1, RandomAccess.Read(stored, content, 0));
        Assert.Equal(0, content[0]);

        Task drop = Task.Run(() => holder.Drop("extent-1"), stop);
        Assert.Equal("FDSTOREREMOVE=1\nFDNAME=shop/extent-1", Receive(manager, out SafeFileHandle? none));
        Assert.Null(none);
        Receive(manager, out barrier);
        barrier!.Dispose();
        await drop;
    }

    [Fact]
    public void Without_a_manager_the_reason_is_said()
    {
        MediumException e = Assert.Throws<MediumException>(() => new SystemdHolder("shop", _ => null));
        Assert.Contains("NOTIFY_SOCKET", e.Message, StringComparison.Ordinal);
        using var folder = new TestFolder();
        using SystemdHolder holder = Holder(folder);
        using SafeFileHandle file = File.OpenHandle("/dev/zero");
        Assert.Equal(MediumErrorKind.Missing, Assert.Throws<MediumException>(() => holder.Put("extent-1", file)).Kind);
    }

    [Fact]
    public void Descriptors_that_were_passed_to_another_process_are_not_taken()
    {
        using var folder = new TestFolder();
        using SystemdHolder holder = Holder(folder, ("LISTEN_PID", "1"), ("LISTEN_FDS", "3"),
            ("LISTEN_FDNAMES", "shop/arena.meta:shop/a:shop/b"));
        Assert.Empty(holder.Take());
        using SystemdHolder others = Holder(folder, ("LISTEN_PID", $"{Environment.ProcessId}"), ("LISTEN_FDS", "2"),
            ("LISTEN_FDNAMES", "stored:shopping/arena.meta"));
        Assert.Empty(others.Take());
        Assert.Contains("started this process with 2 descriptors, none of them of 'shop'", others.EmptyReason,
            StringComparison.Ordinal);
    }

    private static SystemdHolder Holder(TestFolder folder, params (string Name, string Value)[] environment) =>
        new("shop", name => name == "NOTIFY_SOCKET" ? folder["notify"]
            : environment.FirstOrDefault(one => one.Name == name).Value);

    private static string Receive(Socket manager, out SafeFileHandle? descriptor)
    {
        byte[] buffer = new byte[4096];
        int length = DescriptorMessages.Receive(manager.SafeHandle, buffer, out descriptor);
        return Encoding.UTF8.GetString(buffer, 0, length);
    }
}
