using System.Buffers.Binary;

namespace GuestMemFs.Collections;

/// <summary>
/// Keys of a priority queue's records: a byte says what it is, then come priority (or the time at which a lease passes)
/// and number, each in an order that bytes keep. Entries that wait come first, leased ones last, and between the two is
/// the last number that was given.
/// </summary>
internal static class QueueKeys
{
    public const byte Waiting = 0;
    public const byte LastNumber = 1;
    public const byte Leased = 2;
    public const int Length = 1 + (2 * sizeof(long));

    // Before a payload: deliveries; in a lease, priority before that.
    public const int WaitingHead = sizeof(int);
    public const int LeasedHead = sizeof(long) + sizeof(int);

    public static ReadOnlySpan<byte> FirstLeased => [Leased];

    public static ReadOnlySpan<byte> Number => [LastNumber];

    public static Span<byte> Write(byte kind, long first, long sequence, Span<byte> key)
    {
        key[0] = kind;
        BinaryPrimitives.WriteInt64BigEndian(key[1..], first ^ long.MinValue);
        BinaryPrimitives.WriteInt64BigEndian(key[(1 + sizeof(long))..], sequence);
        return key[..Length];
    }

    /// <summary>Priority, or the time at which a lease passes.</summary>
    public static long First(ReadOnlySpan<byte> key) =>
        BinaryPrimitives.ReadInt64BigEndian(key[1..]) ^ long.MinValue;

    public static long Sequence(ReadOnlySpan<byte> key) =>
        BinaryPrimitives.ReadInt64BigEndian(key[(1 + sizeof(long))..]);

    public static QueueEntryId IdOf(ReadOnlySpan<byte> key) => new(First(key), Sequence(key));

    /// <summary>The entry that waits under a key.</summary>
    public static QueueEntry Entry(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => new(
        IdOf(key), value[WaitingHead..].ToArray(), BinaryPrimitives.ReadInt32LittleEndian(value));

    /// <summary>The entry that is leased under a key.</summary>
    public static QueueEntry LeasedEntry(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => new(
        new QueueEntryId(BinaryPrimitives.ReadInt64LittleEndian(value), Sequence(key)),
        value[LeasedHead..].ToArray(),
        BinaryPrimitives.ReadInt32LittleEndian(value[sizeof(long)..]));
}

/// <summary>The first entry that waits, where its priority is low enough.</summary>
internal readonly struct QueueHead(long highest) : IKeyChoice
{
    public bool TryChoose(SortedMapReader map, Span<byte> room, out ReadOnlySpan<byte> key)
    {
        CopyKey first = new(room);
        bool isThere = map.TryReadEnd(last: false, ref first);
        key = first.Key;
        return isThere && key[0] == QueueKeys.Waiting && QueueKeys.First(key) <= highest;
    }
}

/// <summary>Removes an entry that waits and keeps a copy.</summary>
internal struct TakeEntry : IRecordMutation
{
    public bool IsThere { get; private set; }

    public QueueEntry Entry { get; private set; }

    public RecordChange Decide(in RecordView current)
    {
        IsThere = current.Exists;
        Entry = IsThere ? QueueKeys.Entry(current.Key, current.Value) : default;
        return RecordChange.Remove();
    }

    public readonly void Write(in RecordView current, Span<byte> value)
    {
        // A removal writes nothing.
    }
}

/// <summary>Puts an entry among those that wait, or among the leased ones with its priority in front.</summary>
internal readonly ref struct PutEntry(ReadOnlySpan<byte> payload, int deliveries, long? priority) : IRecordMutation
{
    private readonly ReadOnlySpan<byte> _payload = payload;

    public static bool ReadsCurrent => false;

    private int Head => priority is null ? QueueKeys.WaitingHead : QueueKeys.LeasedHead;

    public RecordChange Decide(in RecordView current) => RecordChange.Put(Head + _payload.Length);

    public void Write(in RecordView current, Span<byte> value)
    {
        if (priority is { } first)
        {
            BinaryPrimitives.WriteInt64LittleEndian(value, first);
        }

        BinaryPrimitives.WriteInt32LittleEndian(value[(Head - sizeof(int))..], deliveries);
        _payload.CopyTo(value[Head..]);
    }
}
