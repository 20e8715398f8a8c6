using System.Diagnostics;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using GuestMemFs;
using KvStore.Session;
using KvStore.Transport;

namespace KvStore.Engine;

/// <summary>
/// Sends a replica all keys as of one instant, on a thread of its own and past the event loop: what changes meanwhile
/// waits in the replica's link.
/// </summary>
/// <remarks>The loop has sent all that it had for the replica before this begins, and sends nothing to it before this
/// is done.</remarks>
internal sealed class FullResync
{
    private const int MostAtOnce = 4;
    private const int NewlineMilliseconds = 1000;

    private readonly KvEngine _engine;
    private readonly ReplicaLink _replica;
    private readonly PersistentSnapshot _snapshot;
    private readonly Socket _socket;
    private readonly string _greeting;
    private readonly TimeSpan _patience;
    private readonly long _begun = Stopwatch.GetTimestamp();
    private readonly int? _streamDatabase;
    private long _sent;

    private FullResync(KvEngine engine, ReplicaLink replica, Socket socket, string greeting)
    {
        _engine = engine;
        _replica = replica;
        _socket = socket;
        _greeting = greeting;
        _patience = TimeSpan.FromSeconds(engine.Options.ReplicationTimeout);
        _snapshot = engine.Keyspace.TakeSnapshot();
        _streamDatabase = engine.Follows ? engine.Following.Note.Database : null;
    }

    /// <summary>Begins one; false where so many are under way already.</summary>
    /// <param name="engine">The engine, whose gate is held.</param>
    /// <param name="replica">Who gets it; it follows from here on.</param>
    /// <param name="greeting">A line before it; may be empty.</param>
    /// <exception cref="ArenaException">There can be no snapshot now.</exception>
    public static bool TryBegin(KvEngine engine, ReplicaLink replica, string greeting)
    {
        if (engine.Feed.Resyncs >= MostAtOnce)
        {
            return false;
        }

        IClientLink link = replica.Session.Link!;
        FullResync resync = new(engine, replica, link.Socket, greeting);
        engine.Feed.Add(replica);
        replica.State = ReplicaState.Loading;
        replica.StartOffset = replica.Acknowledged = engine.Feed.Offset;
        engine.Feed.BeginResync();
        link.Post(resync.Start); // then the loop has sent what it had
        return true;
    }

    private void Start()
    {
        if (_replica.Session.Reply.Pending > 0)
        {
            ChangeFeed.Close(_replica, "it asked for all keys, and has not read what it was replied before");
        }

        if (_replica.Session.Close || _replica.Session.Link is not { IsEnded: false })
        {
            End();
            return;
        }

        new Thread(Run) { Name = "resync", IsBackground = true }.Start();
    }

    private void End()
    {
        _snapshot.Dispose();
        _engine.Feed.EndResync();
    }

    private void Run()
    {
        string? failure = null;
        try
        {
            Send(Encoding.ASCII.GetBytes(_greeting));
            SendAll();
        }
        catch (Exception e)
        {
            // Whatever it is (the replica went, the snapshot held too much, the server ends): the replica comes back.
            failure = e.Message;
        }
        finally
        {
            End();
        }

        _replica.Session.Link!.Post(() => Finish(failure));
    }

    /// <summary>On the loop's thread, under the gate.</summary>
    private void Finish(string? failure)
    {
        if (_engine.Feed.Find(_replica.Session) != _replica)
        {
            return; // it has gone meanwhile
        }

        if (failure is not null)
        {
            ChangeFeed.Close(_replica, $"its full resynchronisation failed: {failure}");
            return;
        }

        Console.WriteLine($"replica {_replica.Session.Address} has all keys as of {_replica.StartOffset}: "
            + $"{_sent} bytes in {Stopwatch.GetElapsedTime(_begun).TotalSeconds:0.00} s");
        _replica.AcknowledgedAt = Environment.TickCount64;
        _replica.State = ReplicaState.Loaded;
        if (!_replica.TakesMarkedEnd && !_replica.WantsCopyOnly)
        {
            _replica.GoOnline(); // else it looks for the mark at the end of what it reads, and says when it has it
        }
    }

    private void SendAll()
    {
        Keyspace keys = _engine.Keyspace.Of(_snapshot, _engine.Options);
        using SnapshotDump dump = new(new KvEngine(keys, _engine.Options) { Server = _engine.Server })
        {
            StreamDatabase = _streamDatabase,
        };
        if (_replica.TakesMarkedEnd)
        {
            byte[] mark = Encoding.ASCII.GetBytes(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(20)));
            Send([.. "$EOF:"u8, .. mark, .. "\r\n"u8]);
            dump.Write(Send);
            Send(mark);
            return;
        }

        long length = Measure(dump);
        Send(Encoding.ASCII.GetBytes($"${length}\r\n"));
        long before = _sent;
        dump.Write(Send);
        if (_sent - before != length)
        {
            throw new InvalidOperationException("fields expired while it was sent, and its length was said before");
        }
    }

    /// <summary>The bytes of the dump, for a replica that wants to know them before. It gets line breaks meanwhile, or
    /// would think that nobody is here.</summary>
    private long Measure(SnapshotDump dump)
    {
        long length = 0;
        long said = Environment.TickCount64;
        dump.Write(bytes =>
        {
            length += bytes.Length;
            if (Environment.TickCount64 - said > NewlineMilliseconds)
            {
                Send("\n"u8);
                said = Environment.TickCount64;
            }
        });
        return length;
    }

    private void Send(ReadOnlySpan<byte> bytes)
    {
        long since = Stopwatch.GetTimestamp();
        while (!bytes.IsEmpty)
        {
            int sent = _socket.Send(bytes, SocketFlags.None, out SocketError error);
            if (error is SocketError.WouldBlock or SocketError.NoBufferSpaceAvailable)
            {
                if (Stopwatch.GetElapsedTime(since) > _patience)
                {
                    throw new TimeoutException(
                        $"it read nothing for {_patience.TotalSeconds} seconds (repl-timeout)");
                }

                _socket.Poll(TimeSpan.FromMilliseconds(100), SelectMode.SelectWrite);
            }
            else if (error != SocketError.Success)
            {
                throw new SocketException((int)error);
            }
            else
            {
                bytes = bytes[sent..];
                _sent += sent;
                since = Stopwatch.GetTimestamp();
            }
        }
    }
}
