using System.Text;
using GuestMemFs;
using KvStore.Memory;
using KvStore.Protocol;
using KvStore.Rdb;

namespace KvStore.Engine;

/// <summary>Takes bytes of a file of dumps.</summary>
internal delegate void DumpSink(ReadOnlySpan<byte> bytes);

/// <summary>Writes all keys of a snapshot as a file of dumps: twice the same bytes, if it is asked twice.</summary>
/// <param name="engine">The engine of the snapshot's keys.</param>
internal sealed class SnapshotDump(KvEngine engine) : IDisposable
{
    private const int BucketsAtATime = 64;
    private const int SentAtOnce = 256 << 10;

    private readonly GrowingBuffer _bytes = new();
    private ulong _checksum;

    /// <summary>The database in which the history goes on behind it; null where it says so itself.</summary>
    public int? StreamDatabase { get; init; }

    /// <summary>Writes it.</summary>
    /// <exception cref="SnapshotLostException">The snapshot would have held too much.</exception>
    public void Write(DumpSink sink)
    {
        RdbOutput output = new(_bytes);
        _checksum = 0;
        _bytes.CutTo(0);
        int version = engine.Databases.Made.Any(it => it.FieldDues.Any) ? DumpPayload.LatestVersion
            : DumpPayload.Version;
        output.Raw(Encoding.ASCII.GetBytes($"REDIS{version:D4}"));
        if (StreamDatabase is { } stream)
        {
            output.Byte((byte)RdbCode.Auxiliary);
            output.String("repl-stream-db"u8);
            output.String(Encoding.ASCII.GetBytes(Numbers.Text(stream)));
        }

        foreach ((_, byte[] source) in engine.Keyspace.Functions.ReadAll())
        {
            output.Byte((byte)RdbCode.Function);
            output.String(source);
        }

        foreach (Database database in engine.Databases.Made.OrderBy(it => it.Number))
        {
            WriteDatabase(database, output, sink);
        }

        output.Byte((byte)RdbCode.End);
        Send(sink);
        output.Int64((long)_checksum);
        sink(_bytes.Span);
    }

    public void Dispose() => _bytes.Dispose();

    private void WriteDatabase(Database database, RdbOutput output, DumpSink sink)
    {
        if (database.Keys.Count == 0)
        {
            return;
        }

        output.Byte((byte)RdbCode.SelectDatabase);
        output.Length(database.Number);
        output.Byte((byte)RdbCode.Resize);
        output.Length(database.Keys.Count);
        output.Length(database.Keys.ExpiringCount);
        engine.Databases.Select(database.Number);
        List<(byte[] Key, long ExpiresAt)> others = [];
        ulong cursor = 0;
        do
        {
            others.Clear();
            Writer writer = new(output, others);
            cursor = database.Keys.Scan(cursor, BucketsAtATime, ref writer);
            foreach ((byte[] key, long expiresAt) in others)
            {
                WriteOther(output, key, expiresAt);
                SendWhenMuch(sink);
            }

            SendWhenMuch(sink);
        }
        while (cursor != 0);
    }

    private void WriteOther(RdbOutput output, byte[] key, long expiresAt)
    {
        // Behind the key, in a file, and before it, in a dump, stands the type.
        using GrowingBuffer content = new();
        if (new ObjectDump(engine, new RdbOutput(content)).TryWrite(key))
        {
            WriteExpiry(output, expiresAt);
            output.Byte(content.Span[0]);
            output.String(key);
            output.Raw(content.Span[1..]);
        }
    }

    private static void WriteExpiry(RdbOutput output, long expiresAt)
    {
        if (expiresAt != RecordView.NoExpiry)
        {
            output.Byte((byte)RdbCode.ExpiresMilliseconds);
            output.Int64(expiresAt);
        }
    }

    private void SendWhenMuch(DumpSink sink)
    {
        if (_bytes.Length >= SentAtOnce)
        {
            Send(sink);
        }
    }

    private void Send(DumpSink sink)
    {
        _checksum = Crc64.Append(_checksum, _bytes.Span);
        sink(_bytes.Span);
        if (_bytes.Capacity > 16 * SentAtOnce)
        {
            _bytes.Dispose();
        }

        _bytes.CutTo(0);
    }

    /// <summary>Writes strings where they lie, and keeps the names of all else.</summary>
    private readonly struct Writer(RdbOutput output, List<(byte[] Key, long ExpiresAt)> others) : IRecordVisitor
    {
        public void Visit(in RecordView record)
        {
            if (record.Type != RecordType.String)
            {
                others.Add((record.Key.ToArray(), record.ExpiresAt));
                return;
            }

            WriteExpiry(output, record.ExpiresAt);
            output.Type(RdbType.String);
            output.String(record.Key);
            if (record.IsInteger)
            {
                Span<byte> text = stackalloc byte[Numbers.MaxIntegerLength];
                output.String(text[..Numbers.Format(record.Integer, text)]);
            }
            else
            {
                output.String(record.Value);
            }
        }
    }
}
