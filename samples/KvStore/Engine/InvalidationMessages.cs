using KvStore.Memory;
using KvStore.Protocol;
using KvStore.Session;

namespace KvStore.Engine;

/// <summary>What clients with caches of their own are told, and how: as pushes, or as messages of a channel.</summary>
internal sealed class InvalidationMessages(PubSub pubSub, Func<long, ClientSession?> find)
{
    /// <summary>A client by its number; null where there is none.</summary>
    public ClientSession? Find(long id) => find(id);

    /// <summary>Tells that keys changed.</summary>
    /// <param name="client">Who read them.</param>
    /// <param name="to">The client that is told; null where it has gone.</param>
    /// <param name="keys">The keys.</param>
    /// <param name="by">Whose command changed them: to this one its reply goes first.</param>
    public void Send(ClientSession client, ClientSession? to, byte[][] keys, ClientSession? by)
    {
        if (to is null)
        {
            SendBroken(client);
            return;
        }

        using var text = new GrowingBuffer();
        Add(text, $"*{keys.Length}\r\n");
        foreach (byte[] key in keys)
        {
            Add(text, $"${key.Length}\r\n");
            key.CopyTo(text.Append(key.Length));
            Add(text, "\r\n");
        }

        Send(client, to, text.Span, by);
    }

    /// <summary>Tells that all keys are gone.</summary>
    public void SendFlush(ClientSession client, ClientSession? to, ClientSession? by)
    {
        if (to is null)
        {
            SendBroken(client);
            return;
        }

        Send(client, to, client.Reply.Resp3 ? "_\r\n"u8 : "*-1\r\n"u8, by);
    }

    private void Send(ClientSession client, ClientSession to, ReadOnlySpan<byte> keys, ClientSession? by)
    {
        bool waits = to == pubSub.Current || (by is not null && to == by);
        if (to.Reply.Resp3)
        {
            to.Push([.. ">2\r\n$10\r\ninvalidate\r\n"u8, .. keys], waits);
        }
        else if (to != client && to.Subscriptions is not null)
        {
            to.Push([.. "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n"u8, .. keys], waits);
        }
    }

    /// <summary>The client that was to hear in its place has gone: it is told so itself, where that can be.</summary>
    private void SendBroken(ClientSession client)
    {
        client.Tracking!.IsRedirectBroken = true;
        if (client.Reply.Resp3)
        {
            byte[] id = System.Text.Encoding.ASCII.GetBytes($":{client.Tracking.RedirectTo}\r\n");
            client.Push([.. ">2\r\n$21\r\ntracking-redir-broken\r\n"u8, .. id], client == pubSub.Current);
        }
    }

    private static void Add(GrowingBuffer to, string text) =>
        System.Text.Encoding.ASCII.GetBytes(text, to.Append(text.Length));
}
