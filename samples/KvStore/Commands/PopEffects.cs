using KvStore.Engine;
using KvStore.Replication;

namespace KvStore.Commands;

/// <summary>What replicas do for commands that take elements of the first key that has some, and that may have waited
/// for it.</summary>
internal static class PopEffects
{
    /// <summary>So many elements of a key went, from one of its ends.</summary>
    public static void Popped(in Call call, ReadOnlySpan<byte> name, ReadOnlySpan<byte> key, long count)
    {
        if (call.Engine.Replicates)
        {
            Effects effects = call.Engine.Feed.Effects;
            effects.Begin(call.Engine.Databases.Selected.Number, 3);
            effects.Argument(name);
            effects.Argument(key);
            effects.Argument(count);
        }
    }

    /// <summary>An element went from one list to another.</summary>
    public static void Moved(in Call call, bool fromHead, bool toHead)
    {
        if (call.Engine.Replicates)
        {
            Effects effects = call.Engine.Feed.Effects;
            effects.Begin(call.Engine.Databases.Selected.Number, 5);
            effects.Argument("LMOVE"u8);
            effects.Argument(call.Key);
            effects.Argument(call.Args[2]);
            effects.Argument(fromHead ? "LEFT"u8 : "RIGHT"u8);
            effects.Argument(toHead ? "LEFT"u8 : "RIGHT"u8);
        }
    }
}
