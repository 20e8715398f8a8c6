using KvStore.Protocol;

namespace KvStore.Rdb;

/// <summary>Takes an object and keeps nothing of it: what reads it finds its end, and what is wrong with it.</summary>
internal sealed class ForgottenObject : IDumpedObject, IDumpedStream
{
    public void SetString(ReadOnlySpan<byte> value)
    {
    }

    public void BeginHash()
    {
    }

    public bool AddField(ReadOnlySpan<byte> field, ReadOnlySpan<byte> value, long time) => true;

    public void BeginList()
    {
    }

    public void AddElement(ReadOnlySpan<byte> element)
    {
    }

    public void BeginSet()
    {
    }

    public bool AddMember(ReadOnlySpan<byte> member) => true;

    public void BeginSortedSet()
    {
    }

    public bool AddScored(ReadOnlySpan<byte> member, double score) => true;

    public IDumpedStream BeginStream() => this;

    public void BeginEntry(StreamId id)
    {
    }

    public void AddPiece(ReadOnlySpan<byte> piece)
    {
    }

    public void EndEntry()
    {
    }

    public void EndEntries(StreamId last, StreamId lastDeleted, ulong added)
    {
    }

    public bool BeginGroup(ReadOnlySpan<byte> name, StreamId last, long? read) => true;

    public bool AddPending(StreamId id, long deliveredAt, long deliveries) => true;

    public bool BeginConsumer(ReadOnlySpan<byte> name, long seen) => true;

    public bool Claim(StreamId id) => true;
}
