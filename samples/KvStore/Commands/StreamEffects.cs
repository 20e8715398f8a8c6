using KvStore.Engine;
using KvStore.Protocol;
using KvStore.Replication;

namespace KvStore.Commands;

/// <summary>What replicas do for commands on streams: ids, times and counts are those that were chosen here.</summary>
internal static class StreamEffects
{
    /// <summary>An entry came, and others went for it.</summary>
    public static void Added(in Call call, EntryStream stream, TrimArguments trim, StreamId id)
    {
        if (!call.Engine.Replicates)
        {
            return;
        }

        Effects effects = Begin(call, (trim.Trims ? 6 : 3) + call.Args.Count - trim.IdAt - 1, "XADD"u8);
        effects.Argument(call.Key);
        if (trim.Trims)
        {
            Length(effects, stream);
        }

        effects.Argument(id);
        for (int i = trim.IdAt + 1; i < call.Args.Count; i++)
        {
            effects.Argument(call.Args[i]);
        }
    }

    /// <summary>Entries went.</summary>
    public static void Trimmed(in Call call, EntryStream stream)
    {
        if (call.Engine.Replicates)
        {
            Effects effects = Begin(call, 5, "XTRIM"u8);
            effects.Argument(call.Key);
            Length(effects, stream);
        }
    }

    /// <summary>A consumer was made.</summary>
    public static void Created(in Call call, ReadOnlySpan<byte> key, ConsumerGroup group, Consumer consumer)
    {
        if (call.Engine.Replicates)
        {
            Effects effects = Begin(call, 5, "XGROUP"u8);
            effects.Argument("CREATECONSUMER"u8);
            effects.Argument(key);
            effects.Argument(group.Name);
            effects.Argument(consumer.Name);
        }
    }

    /// <summary>A group has read up to an entry.</summary>
    public static void Advanced(in Call call, ReadOnlySpan<byte> key, ConsumerGroup group)
    {
        if (call.Engine.Replicates)
        {
            Effects effects = Begin(call, 7, "XGROUP"u8);
            effects.Argument("SETID"u8);
            effects.Argument(key);
            effects.Argument(group.Name);
            effects.Argument(group.LastId);
            effects.Argument("ENTRIESREAD"u8);
            effects.Argument(group.EntriesRead);
        }
    }

    /// <summary>A consumer has an entry to acknowledge.</summary>
    public static void Delivered(
        in Call call, ReadOnlySpan<byte> key, ConsumerGroup group, Consumer consumer, in PendingEntry entry)
    {
        if (call.Engine.Replicates)
        {
            Effects effects = Begin(call, 12, "XCLAIM"u8);
            effects.Argument(key);
            effects.Argument(group.Name);
            effects.Argument(consumer.Name);
            effects.Argument(0);
            effects.Argument(entry.Id);
            effects.Argument("TIME"u8);
            effects.Argument(entry.DeliveredAt);
            effects.Argument("RETRYCOUNT"u8);
            effects.Argument(entry.Deliveries);
            effects.Argument("FORCE"u8);
            effects.Argument("JUSTID"u8);
        }
    }

    /// <summary>An entry needs no acknowledgement any more.</summary>
    public static void Acknowledged(in Call call, ReadOnlySpan<byte> key, ConsumerGroup group, StreamId id)
    {
        if (call.Engine.Replicates)
        {
            Effects effects = Begin(call, 4, "XACK"u8);
            effects.Argument(key);
            effects.Argument(group.Name);
            effects.Argument(id);
        }
    }

    private static Effects Begin(in Call call, int arguments, ReadOnlySpan<byte> name)
    {
        Effects effects = call.Engine.Feed.Effects;
        effects.Begin(call.Engine.Databases.Selected.Number, arguments);
        effects.Argument(name);
        return effects;
    }

    private static void Length(Effects effects, EntryStream stream)
    {
        effects.Argument("MAXLEN"u8);
        effects.Argument("="u8);
        effects.Argument(stream.Facts.Length);
    }
}
