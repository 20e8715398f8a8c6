using System.Net.Sockets;
using GuestMemFs;
using KvStore.Transport;

namespace KvStore.HandOver;

/// <summary>What a successor got of its predecessor, and the connection to that one.</summary>
/// <remarks>The successor serves nobody until <see cref="Confirm"/> returns: till then the predecessor may take all
/// back. Where the predecessor has died, nobody can, and what is here is served.</remarks>
internal sealed class Inheritance(HandOverLink link, ProcessLife predecessor) : IDisposable
{
    private readonly Dictionary<long, Late> _late = [];

    /// <summary>The process that had the store.</summary>
    public int ProcessId => predecessor.Id;

    /// <summary>Listening sockets by their labels.</summary>
    public Dictionary<string, Socket> Listeners { get; } = new(StringComparer.Ordinal);

    /// <summary>What clients have set up; null where the predecessor died before it had said all.</summary>
    public ServerState? State { get; private set; }

    public List<HandedClient> Clients { get; } = [];

    /// <summary>True where the predecessor died after clients had begun to wait.</summary>
    public bool IsOrphaned { get; private set; }

    /// <summary>Receives all but what comes late; returns once the arena is free.</summary>
    /// <exception cref="HandOverException">The predecessor keeps all.</exception>
    public void Receive()
    {
        var sockets = new List<SafeSocketHandle>();
        using var state = new MemoryStream();
        while (true)
        {
            switch (link.Receive(out ReadOnlySpan<byte> payload, out SafeSocketHandle[] descriptors))
            {
                case HandOverMessage.Listeners:
                    string[] labels = System.Text.Encoding.UTF8.GetString(payload).Split('\n');
                    for (int i = 0; i < descriptors.Length; i++)
                    {
                        Listeners[labels[i]] = new Socket(descriptors[i]);
                    }

                    break;
                case HandOverMessage.Clients:
                    sockets.AddRange(descriptors);
                    break;
                case HandOverMessage.State:
                    state.Write(payload);
                    break;
                case HandOverMessage.StateEnd:
                    ReadState(state, sockets);
                    break;
                case HandOverMessage.Released:
                    return;
                case var other:
                    RequireDead(other, payload);
                    return;
            }
        }
    }

    /// <summary>Says that the arena and the clients are here; returns once they are ours.</summary>
    /// <exception cref="HandOverException">The predecessor took them back.</exception>
    public void Confirm()
    {
        if (IsOrphaned)
        {
            return;
        }

        try
        {
            link.Send(HandOverMessage.Attached);
        }
        catch (HandOverException) when (predecessor.HasEnded())
        {
            IsOrphaned = true;
            return;
        }

        HandOverMessage answer = link.Receive(out ReadOnlySpan<byte> payload);
        if (answer != HandOverMessage.Yours)
        {
            RequireDead(answer, payload);
        }
    }

    /// <summary>Says that it cannot take the store, and why.</summary>
    public void GiveBack(string why) => link.Refuse(why);

    /// <summary>Receives the bytes that come late, each client's when they are whole.</summary>
    /// <param name="arrived">Called for each such client; null where its bytes do not come any more.</param>
    public void ReceiveLate(Action<long, ClientBytes?> arrived)
    {
        foreach (HandedClient client in Clients.Where(client => client.Bytes is null))
        {
            _late[SessionState.ReadHead(client.Facts).Id] = new Late();
        }

        try
        {
            while (_late.Count > 0 && !IsOrphaned && ReceiveOneLate(arrived))
            {
                // The next one.
            }
        }
        catch (HandOverException e)
        {
            StandardError.WriteLine($"hand-over: {e.Message}");
        }

        foreach (long id in _late.Keys)
        {
            arrived(id, null);
        }
    }

    public void Dispose() => link.Dispose();

    /// <summary>Closes what it got: it is not served here.</summary>
    public void Drop()
    {
        foreach (Socket socket in Clients.Select(client => client.Socket).Concat(Listeners.Values))
        {
            socket.Dispose();
        }
    }

    private bool ReceiveOneLate(Action<long, ClientBytes?> arrived)
    {
        HandOverMessage kind = link.Receive(out ReadOnlySpan<byte> payload);
        if (kind is not (HandOverMessage.LateInput or HandOverMessage.LateOutput or HandOverMessage.LateEnd)
            || payload.Length < sizeof(long) || !_late.TryGetValue(BitConverter.ToInt64(payload), out Late? late))
        {
            return false;
        }

        byte[] piece = payload[sizeof(long)..].ToArray();
        if (kind == HandOverMessage.LateInput)
        {
            late.Received.Write(piece);
        }
        else if (kind == HandOverMessage.LateOutput)
        {
            late.Unsent.Add(piece);
        }
        else
        {
            long id = BitConverter.ToInt64(payload);
            _late.Remove(id);
            arrived(id, new ClientBytes(late.Received.ToArray(), late.Unsent));
        }

        return true;
    }

    private void ReadState(MemoryStream state, List<SafeSocketHandle> sockets)
    {
        state.Position = 0;
        using var from = new BinaryReader(state);
        try
        {
            State = ServerState.Read(from);
            int count = from.ReadInt32();
            if (count != sockets.Count)
            {
                throw new HandOverException($"{sockets.Count} sockets came with the sessions of {count} clients");
            }

            foreach (SafeSocketHandle socket in sockets)
            {
                byte[] facts = from.ReadBytes(from.ReadInt32());
                Clients.Add(new HandedClient(new Socket(socket), facts)
                {
                    Bytes = from.ReadBoolean() ? null : ReadBytes(from),
                });
            }
        }
        catch (Exception e) when (e is EndOfStreamException or FormatException or ArgumentException)
        {
            throw new HandOverException($"the state that came is not readable: {e.Message}");
        }
    }

    private static ClientBytes ReadBytes(BinaryReader from)
    {
        byte[] received = from.ReadBytes(from.ReadInt32());
        var unsent = new List<byte[]>();
        for (int left = from.ReadInt32(); left > 0; left--)
        {
            unsent.Add(from.ReadBytes(from.ReadInt32()));
        }

        return new ClientBytes(received, unsent);
    }

    /// <summary>What came in place of what was to come: good only where the predecessor has ended.</summary>
    private void RequireDead(HandOverMessage came, ReadOnlySpan<byte> payload)
    {
        string? wrong = came switch
        {
            HandOverMessage.Refusal => System.Text.Encoding.UTF8.GetString(payload),
            HandOverMessage.Closed when predecessor.HasEnded() => null,
            HandOverMessage.Closed => $"process {predecessor.Id} closed the connection, and serves",
            _ => $"it sent a message that is not in its place ({came})",
        };
        IsOrphaned = wrong is null ? true : throw new HandOverException(wrong);
    }

    private sealed class Late
    {
        public MemoryStream Received { get; } = new();

        public List<byte[]> Unsent { get; } = [];
    }
}
