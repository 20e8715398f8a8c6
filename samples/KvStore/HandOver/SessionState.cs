using System.Net;
using System.Net.Sockets;
using GuestMemFs;
using KvStore.Commands;
using KvStore.Engine;
using KvStore.Protocol;
using KvStore.Session;

namespace KvStore.HandOver;

/// <summary>A client's session as bytes: what it said of itself, and what it has asked for so far.</summary>
/// <remarks>The order of fields is version 1 of the format. What a session got of keys it read (CLIENT TRACKING) is not
/// in it: its cache is told to forget all.</remarks>
internal static class SessionState
{
    private const byte NoAddress = 0;
    private const byte UnixAddress = 1;
    private const byte InternetAddress = 2;

    public static byte[] Write(ClientSession session)
    {
        using var bytes = new MemoryStream();
        using var to = new BinaryWriter(bytes);
        long now = Environment.TickCount64;
        to.Write(session.Id);
        Write(to, session.Peer);
        Write(to, session.Local);
        to.Write(now - session.Created);
        to.Write(now - session.LastActive);
        to.Write(session.Name);
        to.Write(session.LibraryName);
        to.Write(session.LibraryVersion);
        to.Write(session.User.Name);
        to.Write(session.LastCommand ?? "");
        to.Write(session.Database);
        to.Write((byte)session.ReplyMode);
        foreach (bool flag in (ReadOnlySpan<bool>)[session.Authenticated, session.Reply.Resp3, session.NoEvict,
            session.NoTouch, session.IsMonitor, session.Close, session.WatchBroken])
        {
            to.Write(flag);
        }

        Write(to, session.Waiting is null ? default : session.Waiting.Span);
        WriteSubscriptions(to, session.Subscriptions);
        WriteTransaction(to, session);
        WriteTracking(to, session.Tracking);
        WriteBlocked(to, session.Blocked);
        to.Flush();
        return bytes.ToArray();
    }

    /// <summary>The number and the addresses, with which the session is made.</summary>
    public static (long Id, EndPoint? Peer, EndPoint? Local) ReadHead(byte[] facts)
    {
        using BinaryReader from = Reader(facts);
        return (from.ReadInt64(), ReadAddress(from), ReadAddress(from));
    }

    /// <summary>Makes a new session what the other one was. False where its user is no more.</summary>
    /// <param name="facts">What <see cref="Write(ClientSession)"/> made.</param>
    /// <param name="session">The session, which waits for nothing yet.</param>
    /// <param name="engine">Where it is to be known.</param>
    /// <param name="waits">
    /// Gets what puts it into the queues of the keys that it waits for, by the order of that.
    /// </param>
    public static bool Restore(
        byte[] facts, ClientSession session, KvEngine engine, List<(long Order, Action Wait)> waits)
    {
        using BinaryReader from = Reader(facts);
        _ = (from.ReadInt64(), ReadAddress(from), ReadAddress(from));
        long now = Environment.TickCount64;
        session.Created = now - from.ReadInt64();
        session.LastActive = now - from.ReadInt64();
        session.Name = from.ReadString();
        session.LibraryName = from.ReadString();
        session.LibraryVersion = from.ReadString();
        string user = from.ReadString();
        session.LastCommand = from.ReadString() is { Length: > 0 } command ? command : null;
        session.Database = Math.Clamp(from.ReadInt32(), 0, Databases.Most - 1);
        session.ReplyMode = (ReplyMode)from.ReadByte();
        session.Authenticated = from.ReadBoolean();
        session.Reply.Resp3 = from.ReadBoolean();
        session.NoEvict = from.ReadBoolean();
        session.NoTouch = from.ReadBoolean();
        if (from.ReadBoolean())
        {
            engine.Monitors.Add(session);
            engine.HasMonitors = true;
        }

        session.Close = from.ReadBoolean();
        bool broken = from.ReadBoolean();
        byte[] waiting = ReadBytes(from);
        if (waiting.Length > 0)
        {
            session.Push(waiting, waits: true);
        }

        ReadSubscriptions(from, session, engine);
        ReadTransaction(from, session, engine);
        session.WatchBroken = broken;
        ReadTracking(from, session, engine);
        ReadBlocked(from, session, engine, waits);
        if (engine.Users.Find(user) is not { } found)
        {
            return false;
        }

        session.User = found;
        session.WrittenTo = engine.Feed.Offset; // it may have written all of that
        return true;
    }

    private static BinaryReader Reader(byte[] facts) => new(new MemoryStream(facts, writable: false));

    private static void Write(BinaryWriter to, ReadOnlySpan<byte> bytes)
    {
        to.Write(bytes.Length);
        to.Write(bytes);
    }

    private static byte[] ReadBytes(BinaryReader from)
    {
        int length = from.ReadInt32();
        byte[] bytes = from.ReadBytes(length);
        return bytes.Length == length ? bytes : throw new EndOfStreamException();
    }

    private static void Write(BinaryWriter to, EndPoint? address)
    {
        if (address is IPEndPoint internet)
        {
            to.Write(InternetAddress);
            Write(to, internet.Address.GetAddressBytes());
            to.Write(internet.Address.AddressFamily == AddressFamily.InterNetworkV6 ? internet.Address.ScopeId : 0);
            to.Write(internet.Port);
            return;
        }

        to.Write(address is null ? NoAddress : UnixAddress);
    }

    private static EndPoint? ReadAddress(BinaryReader from)
    {
        byte kind = from.ReadByte();
        if (kind != InternetAddress)
        {
            return kind == UnixAddress ? new UnixDomainSocketEndPoint("/") : null; // the option's path is shown
        }

        byte[] bytes = ReadBytes(from);
        long scope = from.ReadInt64();
        IPAddress address = scope == 0 ? new IPAddress(bytes) : new IPAddress(bytes, scope);
        return new IPEndPoint(address, from.ReadInt32());
    }

    private static void WriteSubscriptions(BinaryWriter to, SubscriptionSet? subscriptions)
    {
        foreach (ChannelKind kind in Enum.GetValues<ChannelKind>())
        {
            IReadOnlyCollection<byte[]> names = subscriptions?.Names(kind) ?? [];
            to.Write(names.Count);
            foreach (byte[] name in names)
            {
                Write(to, name);
            }
        }
    }

    private static void ReadSubscriptions(BinaryReader from, ClientSession session, KvEngine engine)
    {
        foreach (ChannelKind kind in Enum.GetValues<ChannelKind>())
        {
            for (int left = from.ReadInt32(); left > 0; left--)
            {
                engine.PubSub.Subscribe(session, kind, ReadBytes(from));
            }
        }
    }

    private static void WriteTransaction(BinaryWriter to, ClientSession session)
    {
        to.Write(session.Watched?.Count ?? 0);
        foreach (WatchedKey watched in session.Watched ?? [])
        {
            to.Write(watched.Database);
            Write(to, watched.Key);
            to.Write(watched.Existed);
        }

        to.Write(session.Transaction?.Count ?? -1);
        to.Write(session.Transaction?.Spoiled ?? false);
        for (int i = 0; i < (session.Transaction?.Count ?? 0); i++)
        {
            Write(to, session.Transaction!.ArgumentsAt(i));
        }
    }

    private static void ReadTransaction(BinaryReader from, ClientSession session, KvEngine engine)
    {
        for (int left = from.ReadInt32(); left > 0; left--)
        {
            int database = Math.Clamp(from.ReadInt32(), 0, Databases.Most - 1);
            byte[] key = ReadBytes(from);
            engine.Watches.Add(session, database, key, from.ReadBoolean());
        }

        int count = from.ReadInt32();
        session.Transaction = count >= 0 ? new TransactionQueue() : null;
        if (from.ReadBoolean())
        {
            session.Transaction?.Spoil();
        }

        for (int i = 0; i < count; i++)
        {
            Arguments args = ReadArguments(from).Arguments;
            QueuedEffects effects = BuiltIn.Table.Resolve(args) is { } command
                ? CommandEffects.Of(engine, command, args) : QueuedEffects.Unknown;
            session.Transaction!.Enqueue(args, effects);
        }
    }

    private static void WriteTracking(BinaryWriter to, CacheTracking? tracking)
    {
        to.Write(tracking is not null);
        if (tracking is null)
        {
            return;
        }

        foreach (bool flag in (ReadOnlySpan<bool>)[tracking.Broadcasts, tracking.OptIn, tracking.OptOut,
            tracking.NoLoop, tracking.IsRedirectBroken, tracking.CachingSaid])
        {
            to.Write(flag);
        }

        to.Write(tracking.RedirectTo);
        to.Write(tracking.Prefixes.Count);
        foreach (byte[] prefix in tracking.Prefixes)
        {
            Write(to, prefix);
        }
    }

    private static void ReadTracking(BinaryReader from, ClientSession session, KvEngine engine)
    {
        if (!from.ReadBoolean())
        {
            return;
        }

        var tracking = new CacheTracking(session.Id)
        {
            Broadcasts = from.ReadBoolean(),
            OptIn = from.ReadBoolean(),
            OptOut = from.ReadBoolean(),
            NoLoop = from.ReadBoolean(),
            IsRedirectBroken = from.ReadBoolean(),
            CachingSaid = from.ReadBoolean(),
            RedirectTo = from.ReadInt64(),
        };
        for (int left = from.ReadInt32(); left > 0; left--)
        {
            tracking.Prefixes.Add(ReadBytes(from));
        }

        engine.Tracking.Enable(session, tracking);
    }

    private static void WriteBlocked(BinaryWriter to, BlockedCommand? blocked)
    {
        to.Write(blocked is not null);
        if (blocked is not null)
        {
            to.Write(blocked.Order);
            Write(to, blocked.Arguments.Arguments);
            to.Write((int)blocked.Type);
            to.Write(blocked.Deadline == 0 ? -1 : Math.Max(0, blocked.Deadline - KvEngine.Milliseconds));
            to.Write(blocked.NeedsKey);
            to.Write(blocked.FirstKey);
            to.Write(blocked.KeyArguments);
        }
    }

    private static void ReadBlocked(
        BinaryReader from, ClientSession session, KvEngine engine, List<(long Order, Action Wait)> waits)
    {
        if (!from.ReadBoolean())
        {
            return;
        }

        long order = from.ReadInt64();
        KeptArguments args = ReadArguments(from);
        var type = (RecordType)from.ReadInt32();
        long left = from.ReadInt64();
        var blocked = new BlockedCommand(args, type, left < 0 ? 0 : KvEngine.DueIn(left))
        {
            NeedsKey = from.ReadBoolean(),
            Replicas = args.Arguments.Is(0, "wait"u8) && Numbers.TryParse(args.Arguments[1], out long replicas)
                ? replicas : 0,
        };
        int first = from.ReadInt32();
        int count = from.ReadInt32();
        waits.Add((order, () => engine.Waiting.Add(session, blocked, first, count)));
    }

    private static void Write(BinaryWriter to, Arguments args)
    {
        to.Write(args.Count);
        for (int i = 0; i < args.Count; i++)
        {
            Write(to, args[i]);
        }
    }

    private static KeptArguments ReadArguments(BinaryReader from)
    {
        int count = from.ReadInt32();
        var slices = new List<Slice>();
        using var bytes = new MemoryStream();
        for (int i = 0; i < count; i++)
        {
            byte[] arg = ReadBytes(from);
            slices.Add(new Slice((int)bytes.Length, arg.Length));
            bytes.Write(arg);
        }

        return new KeptArguments(new Arguments(bytes.GetBuffer().AsSpan(0, (int)bytes.Length), [.. slices]));
    }
}
