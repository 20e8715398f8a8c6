using KvStore.Protocol;
using KvStore.Rdb;

namespace KvStore.Engine;

/// <summary>Makes a stream from what a dump says.</summary>
internal sealed class StreamLoader(EntryStream stream) : IDumpedStream
{
    /// <summary>No consumer has the number: what is pending is of none yet.</summary>
    private const long Nobody = 0;

    private readonly PackedPieces _pieces = new();
    private StreamId _entry;
    private ConsumerGroup? _group;
    private Consumer? _consumer;

    public void BeginEntry(StreamId id)
    {
        _entry = id;
        _pieces.Clear();
    }

    public void AddPiece(ReadOnlySpan<byte> piece) => _pieces.Insert(_pieces.End, piece);

    public void EndEntry() => stream.Load(_entry, _pieces);

    public void EndEntries(StreamId last, StreamId lastDeleted, ulong added)
    {
        stream.Facts.LastId = last;
        stream.Facts.LastDeleted = lastDeleted;
        stream.Facts.Added = (long)added;
    }

    public bool BeginGroup(ReadOnlySpan<byte> name, StreamId last, long? read)
    {
        RdbFormatException.ThrowIfLonger(name, Collection.LongestElement);
        if (stream.Groups.Find(name) is not null)
        {
            return false;
        }

        _group = stream.Groups.New(name, ++stream.Facts.LastGroup);
        _group.LastId = last;
        _group.EntriesRead = read ?? GroupProgress.EntriesUpTo(stream, last);
        stream.Groups.Store(_group);
        return true;
    }

    public bool AddPending(StreamId id, long deliveredAt, long deliveries)
    {
        bool isNew = !_group!.TryGetPending(id, out _);
        _group.Put(new PendingEntry(id, Nobody, deliveredAt, deliveries));
        return isNew;
    }

    public bool BeginConsumer(ReadOnlySpan<byte> name, long seen)
    {
        RdbFormatException.ThrowIfLonger(name, Collection.LongestElement);
        if (_group!.FindConsumer(name) is not null)
        {
            return false;
        }

        _consumer = _group.CreateConsumer(name, seen);
        stream.Groups.Store(_group);
        return true;
    }

    public bool Claim(StreamId id)
    {
        if (!_group!.TryGetPending(id, out PendingEntry pending) || pending.Consumer != Nobody)
        {
            return false;
        }

        _group.Put(pending with { Consumer = _consumer!.Number });
        return true;
    }
}
