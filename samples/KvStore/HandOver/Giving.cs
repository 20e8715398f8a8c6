using System.Net.Sockets;
using System.Text;
using GuestMemFs.Holding;
using KvStore.Engine;

namespace KvStore.HandOver;

/// <summary>The predecessor's side of a hand-over, from the moment at which clients wait.</summary>
internal static class Giving
{
    /// <summary>A client with more bytes gets them late: others do not wait for it.</summary>
    private const int MostOfOne = 64 * 1024;

    /// <summary>The same where all have that much.</summary>
    private const int MostOfAll = 2 << 20;

    /// <summary>True where a client's bytes are few enough to go with its session.</summary>
    public static bool GoesAtOnce(long bytes, ref long soFar)
    {
        bool atOnce = bytes <= MostOfOne && soFar + bytes <= MostOfAll;
        soFar += atOnce ? bytes : 0;
        return atOnce;
    }

    /// <summary>Sends sockets and state.</summary>
    /// <exception cref="HandOverException">The successor does not take them.</exception>
    public static void Send(
        HandOverLink link, IReadOnlyList<(string Label, Socket Socket)> listeners, IReadOnlyList<HandedClient> clients,
        Action<BinaryWriter> writeServer)
    {
        int[] descriptors = [.. listeners.Select(it => (int)it.Socket.Handle)];
        byte[] labels = Encoding.UTF8.GetBytes(string.Join('\n', listeners.Select(it => it.Label)));
        link.Send(HandOverMessage.Listeners, labels, descriptors);
        foreach (HandedClient[] some in clients.Chunk(DescriptorPassing.MaximumDescriptors))
        {
            link.Send(HandOverMessage.Clients, [0], [.. some.Select(client => (int)client.Socket.Handle)]);
        }

        using var state = new MemoryStream();
        using var to = new BinaryWriter(state);
        writeServer(to);
        to.Write(clients.Count);
        foreach (HandedClient client in clients)
        {
            Write(to, client);
        }

        to.Flush();
        Send(link, HandOverMessage.State, default, state.GetBuffer().AsSpan(0, (int)state.Length));
        link.Send(HandOverMessage.StateEnd);
    }

    /// <summary>Sends the bytes that come late. The clients are the successor's already.</summary>
    /// <exception cref="HandOverException">The successor does not take them.</exception>
    public static void SendLate(HandOverLink link, IEnumerable<HandedClient> clients)
    {
        foreach (HandedClient client in clients.Where(client => client.Bytes is null))
        {
            byte[] id = BitConverter.GetBytes(SessionState.ReadHead(client.Facts).Id);
            ClientBytes bytes = client.CopyLater!();
            Send(link, HandOverMessage.LateInput, id, bytes.Received);
            foreach (byte[] piece in bytes.Unsent)
            {
                Send(link, HandOverMessage.LateOutput, id, piece);
            }

            link.Send(HandOverMessage.LateEnd, id);
        }
    }

    private static void Send(HandOverLink link, HandOverMessage kind, ReadOnlySpan<byte> head, ReadOnlySpan<byte> bytes)
    {
        byte[] message = new byte[HandOverLink.LargestPayload];
        head.CopyTo(message);
        while (!bytes.IsEmpty)
        {
            int length = Math.Min(bytes.Length, message.Length - head.Length);
            bytes[..length].CopyTo(message.AsSpan(head.Length));
            link.Send(kind, message.AsSpan(0, head.Length + length));
            bytes = bytes[length..];
        }
    }

    private static void Write(BinaryWriter to, HandedClient client)
    {
        to.Write(client.Facts.Length);
        to.Write(client.Facts);
        to.Write(client.Bytes is null);
        if (client.Bytes is { } bytes)
        {
            to.Write(bytes.Received.Length);
            to.Write(bytes.Received);
            to.Write(bytes.Unsent.Count);
            foreach (byte[] piece in bytes.Unsent)
            {
                to.Write(piece.Length);
                to.Write(piece);
            }
        }
    }
}
