using System.Globalization;
using System.Text;
using GuestMemFs;
using KvStore.Commands;
using KvStore.Engine;
using KvStore.Memory;
using KvStore.Rdb;
using KvStore.Replication;

namespace KvStore.Server;

/// <summary>
/// Takes a copy of all keys from a master, in place of all that is here: decoded on this thread while it comes, and put
/// into the store some keys at a time.
/// </summary>
/// <remarks>Memory is taken for the largest key, and for what is put at once.</remarks>
internal sealed class MasterCopy(KvEngine engine, LoopTurn loop, MasterSocket socket) : IDisposable
{
    private const int MarkLength = 40;
    private const int MostAtOnce = 256;
    private const int MostBytesAtOnce = 1 << 20;

    private readonly GrowingBuffer _commands = new();
    private readonly GrowingBuffer _payload = new();
    private MasterStream? _target;
    private ulong _database;
    private int _count;
    private long _keys;

    public void Dispose()
    {
        _commands.Dispose();
        _payload.Dispose();
        _target?.Dispose();
    }

    /// <summary>Does it.</summary>
    /// <param name="position">The history that the copy is of, and as of where.</param>
    /// <exception cref="MasterException">It did not become whole, and what is there of it is not served.</exception>
    public void Receive(HistoryPosition position)
    {
        (long length, string mark) = ReadHead();
        using CopyStream stream = new(socket);
        try
        {
            using RdbFileReader reader = new(stream, length);
            loop.Run(() => Begin(position, mark.Length > 0 ? 0 : length));
            while (reader.ReadNext() is { } item)
            {
                Add(reader, item);
                if (++_count >= MostAtOnce || _commands.Length >= MostBytesAtOnce)
                {
                    Put(stream.Count);
                }
            }

            Put(stream.Count);
            RequireEnd(reader, mark);
            loop.Run(() => End(reader.StreamDatabase));
        }
        catch (RdbFormatException e)
        {
            throw new MasterException($"what it sent as a copy of all keys is none: {e.Message}") { IsDear = true };
        }

        Console.WriteLine($"replication: has all {_keys} keys of the master's, {stream.Count} bytes");
    }

    /// <summary>How long it is, or the mark of its end.</summary>
    private (long Length, string Mark) ReadHead()
    {
        string head = socket.ReadLine();
        if (head.StartsWith("$EOF:", StringComparison.Ordinal) && head.Length == 5 + MarkLength)
        {
            return (long.MaxValue, head[5..]);
        }

        if (head[0] == '$' && long.TryParse(head.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture,
            out long length))
        {
            return (length, "");
        }

        throw new MasterException($"it sends no copy of all keys, but '{MasterException.Shown(head)}'");
    }

    private static void RequireEnd(RdbFileReader reader, string mark)
    {
        if (mark.Length == 0)
        {
            if (reader.Remaining > 0)
            {
                throw new RdbFormatException($"{reader.Remaining} bytes are behind its end.");
            }

            return;
        }

        Span<byte> end = stackalloc byte[MarkLength];
        reader.ReadBehind(end);
        if (!end.SequenceEqual(Encoding.Latin1.GetBytes(mark)))
        {
            throw new RdbFormatException("The mark of its end is not behind it.");
        }
    }

    private void Begin(HistoryPosition position, long length)
    {
        engine.Following.State = MasterLinkState.Sync;
        (engine.Following.CopyLength, engine.Following.CopyRead) = (length, 0);
        BeginHistory(position);
        _target = new MasterStream(engine, 0, isCopy: true);
        engine.RemoveAll();
    }

    /// <summary>The old history ends, and the copy's begins, before the first key goes: where there is no room for its
    /// ring, the data stays and is served.</summary>
    private void BeginHistory(HistoryPosition position)
    {
        int database = engine.Following.Note.Database;
        bool wasLoading = engine.Following.IsLoading;
        engine.Feed.GiveUp();
        engine.Following.BeginCopy();
        try
        {
            engine.Feed.BeginAt(position);
        }
        catch (ArenaException e)
        {
            if (!wasLoading)
            {
                engine.Following.EndCopy(database);
            }

            throw new MasterException($"there is no room for the backlog: {e.Message}") { IsDear = true };
        }
    }

    private void End(int database)
    {
        if (database >= engine.Options.Databases)
        {
            throw new MasterException(
                $"its stream is in database {database}, and there are {engine.Options.Databases} here")
                { IsDear = true };
        }

        engine.Databases.Make(database);
        engine.Following.EndCopy(database);
    }

    private void Put(long read)
    {
        int length = _commands.Length;
        loop.Run(() =>
        {
            engine.Following.CopyRead = read;
            if (_target!.Apply(_commands.Span) != length)
            {
                throw new MasterException($"a copy of all keys finds no place here: {_target.Fault}")
                    { IsDear = true };
            }
        });
        _commands.CutTo(0);
        _count = 0;
    }

    private void Add(RdbFileReader reader, RdbItem item)
    {
        if (item == RdbItem.Function)
        {
            Begin(4);
            Argument("FUNCTION"u8);
            Argument("LOAD"u8);
            Argument("REPLACE"u8);
            Argument(reader.Key.Span);
            return;
        }

        _keys++;
        if (reader.Database != _database)
        {
            _database = reader.Database;
            Begin(2);
            Argument("SELECT"u8);
            Argument(Text((long)Math.Min(_database, int.MaxValue)));
        }

        _payload.CutTo(0);
        RdbOutput output = new(_payload);
        output.Raw(reader.Content.Span);
        DumpPayload.Close(output, reader.Version);
        Begin(6);
        Argument("RESTORE"u8);
        Argument(reader.Key.Span);
        Argument(Text(Math.Max(reader.ExpiresAt ?? 0, reader.ExpiresAt is null ? 0 : 1))); // 0 is for never
        Argument(_payload.Span);
        Argument("ABSTTL"u8);
        Argument("REPLACE"u8);
    }

    private static byte[] Text(long number) =>
        Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture));

    private void Begin(int arguments) => Append(Encoding.ASCII.GetBytes($"*{arguments}\r\n"));

    private void Argument(ReadOnlySpan<byte> bytes)
    {
        Append(Encoding.ASCII.GetBytes($"${bytes.Length}\r\n"));
        Append(bytes);
        Append("\r\n"u8);
    }

    private void Append(ReadOnlySpan<byte> bytes) => bytes.CopyTo(_commands.Append(bytes.Length));
}
