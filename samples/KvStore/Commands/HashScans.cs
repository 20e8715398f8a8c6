using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>HSCAN and HRANDFIELD.</summary>
internal static class HashScans
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("hash",
    [
        new("hscan", -3, ReadOnly, KeySpec.One, HScan)
            { Since = "2.8.0", Summary = "Incrementally iterate hash fields and associated values" },
        new("hrandfield", -2, ReadOnly, KeySpec.One, HRandField)
            { Since = "6.2.0", Summary = "Get one or multiple random fields from a hash" },
    ]);

    public static void HScan(in Call call) => ElementScan.Run(call, call.Engine.Hash, withValues: true);

    public static void HRandField(in Call call)
    {
        FieldMap hash = call.Engine.Hash;
        if (call.Args.Count == 2)
        {
            if (CollectionCalls.TryRead(call, hash))
            {
                ReplyOne(call, hash);
            }

            return;
        }

        if (!call.TryInteger(2, out long count))
        {
            return;
        }

        bool values = call.Args.Count == 4 && call.Args.Is(3, "withvalues"u8);
        if (call.Args.Count > 4 || (call.Args.Count == 4 && !values))
        {
            call.Reply.Error(Errors.Syntax);
            return;
        }

        if (count == long.MinValue || (values && (count < -(long.MaxValue / 2) || count > long.MaxValue / 2)))
        {
            call.Reply.Error(Errors.NotInRange);
            return;
        }

        if (CollectionCalls.TryRead(call, hash))
        {
            ElementScan.ReplyRandom(call, hash, count, values);
        }
    }

    private static void ReplyOne(in Call call, FieldMap hash)
    {
        if (!hash.Exists)
        {
            call.Reply.Null();
            return;
        }

        call.Reply.Bulk(hash.AtRandom().Key);
    }
}
