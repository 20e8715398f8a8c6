using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace GuestMemFs.VirtualMachines.Tests;

/// <summary>A monitor that says what a test has it say: for what QEMU does not do on demand.</summary>
internal sealed class ScriptedPeer : IAsyncDisposable
{
    public const string Greeting =
        """{"QMP": {"version": {"qemu": {"micro": 1, "minor": 2, "major": 10}, "package": "x"}, """ +
        """ "capabilities": ["oob"]}}""";

    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly TestFolder _folder = new();
    private readonly Task _running;

    /// <summary>Serves one connection after the other, each by the next of the scripts.</summary>
    public ScriptedPeer(params Func<Line, Task>[] scripts)
    {
        Path = _folder["qmp"];
        _listener.Bind(new UnixDomainSocketEndPoint(Path));
        _listener.Listen(4);
        _running = Task.Run(async () =>
        {
            foreach (Func<Line, Task> script in scripts)
            {
                using Socket socket = await _listener.AcceptAsync();
                await using var stream = new NetworkStream(socket);
                using var reader = new StreamReader(stream);
                await script(new Line(stream, reader));
            }
        });
    }

    public string Path { get; }

    /// <summary>A script that greets, grants the capabilities and goes on.</summary>
    public static Func<Line, Task> After(Func<Line, Task> script) => async line =>
    {
        await line.SendAsync(Greeting);
        JsonElement asked = await line.ReceiveAsync();
        Assert.Equal("qmp_capabilities", asked.GetProperty("execute").GetString());
        await line.SendAsync($$"""{"return": {}, "id": {{asked.GetProperty("id").GetInt64()}}}""");
        await script(line);
    };

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        try
        {
            await _running.WaitAsync(TimeSpan.FromSeconds(10));
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException)
        {
            // A test may end before its script does.
        }

        _folder.Dispose();
    }

    internal sealed class Line(Stream stream, StreamReader reader)
    {
        public async Task SendAsync(string message) => await SendRawAsync(Encoding.UTF8.GetBytes(message + "\r\n"));

        public async Task SendRawAsync(byte[] bytes) => await stream.WriteAsync(bytes);

        public async Task<JsonElement> ReceiveAsync() => JsonElement.Parse(await reader.ReadLineAsync() ?? "null");

        /// <summary>Waits until the client is gone.</summary>
        public async Task DrainAsync()
        {
            while (await reader.ReadLineAsync() is not null)
            {
            }
        }
    }
}
