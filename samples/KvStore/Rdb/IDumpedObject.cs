using KvStore.Protocol;

namespace KvStore.Rdb;

/// <summary>Takes what an object of a dump has, in the order in which it stands there.</summary>
/// <remarks>It is told of a string, or of the beginning of one collection and then of its elements. What it did is to
/// be forgotten where the reader throws.</remarks>
internal interface IDumpedObject
{
    void SetString(ReadOnlySpan<byte> value);

    void BeginHash();

    /// <summary>Adds a field; false where it is there.</summary>
    /// <param name="field">Its name.</param>
    /// <param name="value">Its value.</param>
    /// <param name="time">When it expires, in milliseconds since 1970; 0 for never.</param>
    bool AddField(ReadOnlySpan<byte> field, ReadOnlySpan<byte> value, long time);

    void BeginList();

    /// <summary>Adds an element behind the last one.</summary>
    void AddElement(ReadOnlySpan<byte> element);

    void BeginSet();

    /// <summary>Adds a member; false where it is one.</summary>
    bool AddMember(ReadOnlySpan<byte> member);

    void BeginSortedSet();

    /// <summary>Adds a member; false where it is one.</summary>
    bool AddScored(ReadOnlySpan<byte> member, double score);

    IDumpedStream BeginStream();
}

/// <summary>Takes what a stream of a dump has.</summary>
internal interface IDumpedStream
{
    /// <summary>An entry begins. Its id is above all before it.</summary>
    void BeginEntry(StreamId id);

    /// <summary>A field of the entry, or the value of the one before.</summary>
    void AddPiece(ReadOnlySpan<byte> piece);

    /// <summary>The entry is whole.</summary>
    void EndEntry();

    /// <summary>All entries are there. No one's id is above the last.</summary>
    void EndEntries(StreamId last, StreamId lastDeleted, ulong added);

    /// <summary>A group begins; false where it is there.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="last">What it has read last.</param>
    /// <param name="read">How many entries it has read; null where the dump does not know of such a number.</param>
    bool BeginGroup(ReadOnlySpan<byte> name, StreamId last, long? read);

    /// <summary>An entry is to be acknowledged, by a consumer that is told later; false where that is known.</summary>
    bool AddPending(StreamId id, long deliveredAt, long deliveries);

    /// <summary>A consumer of the group begins; false where it is there.</summary>
    bool BeginConsumer(ReadOnlySpan<byte> name, long seen);

    /// <summary>The consumer has to acknowledge that entry; false where none is to be that is nobody's yet.</summary>
    bool Claim(StreamId id);
}
