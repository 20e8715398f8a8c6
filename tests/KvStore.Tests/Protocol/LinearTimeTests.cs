using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Text;
using KvStore.Protocol;
using KvStore.Transport;

namespace KvStore.Tests.Protocol;

/// <summary>What a request costs is in proportion to its length: bytes moved are counted, which no other work disturbs.</summary>
public sealed class LinearTimeTests
{
    /// <summary>Many arguments, few large ones, one of them, and one line.</summary>
    [Theory]
    [InlineData(40_000, 16)]
    [InlineData(400_000, 1)]
    [InlineData(1_000_000, 20)]
    [InlineData(300, 100_000)]
    [InlineData(2, 64 << 20)]
    public async Task A_request_is_moved_in_proportion_to_its_length(int arguments, int length)
    {
        byte[] argument = Encoding.ASCII.GetBytes($"${length}\r\n{new string('x', length)}\r\n");

        (long received, long moved) = await Receive(arguments, argument);

        Assert.Equal(Encoding.ASCII.GetByteCount($"*{arguments}\r\n") + ((long)arguments * argument.Length), received);
        Assert.InRange(moved, 0, 2 * received);
    }

    private static async Task<(long Received, long Moved)> Receive(int arguments, byte[] argument)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(listener.LocalEndPoint!);
        Socket server = listener.Accept();
        using var loop = new EventLoop("test", () => 100);
        var pipe = new SocketPipe(loop, server, 16 * 1024, long.MaxValue);
        var parsed = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        loop.Start();
        loop.Post(() => _ = ParseOne(pipe, parsed));
        client.Send(Encoding.ASCII.GetBytes($"*{arguments}\r\n"));
        byte[] piece = [.. Enumerable.Repeat(argument, Math.Max(1, 60_000 / argument.Length)).SelectMany(b => b)];
        for (int sent = 0; sent < arguments; sent += piece.Length / argument.Length)
        {
            client.Send(piece.AsSpan(0, Math.Min(piece.Length, (arguments - sent) * argument.Length)));
        }

        int count = await parsed.Task.WaitAsync(TimeSpan.FromMinutes(2), TestContext.Current.CancellationToken);
        Assert.Equal(arguments, count);
        var figures = new TaskCompletionSource<(long, long)>();
        loop.Post(() =>
        {
            figures.SetResult((pipe.Input.BytesReceived, pipe.Input.BytesMoved));
            pipe.Dispose();
        });
        return await figures.Task;
    }

    /// <summary>As a connection does it: asks for as much as the parser says that it needs.</summary>
    private static async Task ParseOne(SocketPipe pipe, TaskCompletionSource<int> parsed)
    {
        try
        {
            var parser = new RequestParser(new ProtocolLimits());
            int needed = 1;
            while (true)
            {
                ReadResult read = await pipe.Input.ReadAtLeastAsync(needed).ConfigureAwait(false);
                int position = 0;
                ParseStatus status = parser.TryParse(read.Buffer.FirstSpan, ref position, out Frame frame);
                if (status != ParseStatus.NeedMore)
                {
                    parsed.SetResult(status == ParseStatus.Frame ? frame.Count : -1);
                    return;
                }

                needed = parser.Needed;
                pipe.Input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            }
        }
        catch (Exception e)
        {
            parsed.TrySetException(e);
        }
    }
}
