using KvStore.Protocol;

namespace KvStore.Engine;

/// <summary>How far a group is in its stream, where that can be said: Redis's rules, removed entries and all.</summary>
internal static class GroupProgress
{
    /// <summary>A group has got an entry.</summary>
    public static void Advance(EntryStream stream, ConsumerGroup group, StreamId id)
    {
        if (group.EntriesRead != ConsumerGroup.Unknown && !HasRemovedFrom(stream, id))
        {
            group.EntriesRead++;
        }
        else if (stream.Facts.Added > 0)
        {
            group.EntriesRead = EntriesUpTo(stream, id);
        }

        group.LastId = id;
    }

    /// <summary>How many entries a group has not read yet; null where that is not known.</summary>
    public static long? Lag(EntryStream stream, ConsumerGroup group)
    {
        if (stream.Facts.Added == 0)
        {
            return 0;
        }

        bool isKnown = group.EntriesRead != ConsumerGroup.Unknown && !HasRemovedFrom(stream, group.LastId);
        long read = isKnown ? group.EntriesRead : EntriesUpTo(stream, group.LastId);
        return read == ConsumerGroup.Unknown ? null : stream.Facts.Added - read;
    }

    /// <summary>How many entries the stream ever had up to that one.</summary>
    public static long EntriesUpTo(EntryStream stream, StreamId id)
    {
        StreamFacts facts = stream.Facts;
        if (facts.Added == 0)
        {
            return 0;
        }

        if (id >= facts.LastId || facts.Length == 0)
        {
            return id <= facts.LastId ? facts.Added : ConsumerGroup.Unknown;
        }

        StreamId first = stream.First;
        bool isWhole = facts.LastDeleted == StreamId.Zero || facts.LastDeleted < first;
        return !isWhole || id > first ? ConsumerGroup.Unknown
            : facts.Added - facts.Length + (id == first ? 1 : 0);
    }

    /// <summary>True where entries from that one on were removed by their ids.</summary>
    private static bool HasRemovedFrom(EntryStream stream, StreamId from) =>
        stream.Facts is { Length: > 0 } && stream.Facts.LastDeleted != StreamId.Zero
        && from <= stream.Facts.LastDeleted && stream.First <= stream.Facts.LastDeleted;
}
