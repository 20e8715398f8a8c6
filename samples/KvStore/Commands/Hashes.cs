using System.Text;
using GuestMemFs;
using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>Hashes: fields and values under one key.</summary>
internal static class Hashes
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("hash",
    [
        new("hset", -4, Write | DenyOom | Fast, KeySpec.One, HSet)
            { Since = "2.0.0", Summary = "Set the string value of a hash field" },
        new("hmset", -4, Write | DenyOom | Fast, KeySpec.One, HSet)
            { Event = "hset", Since = "2.0.0", Summary = "Set multiple hash fields to multiple values" },
        new("hsetnx", 4, Write | DenyOom | Fast, KeySpec.One, HSetNx)
        {
            Event = "hset",
            Since = "2.0.0",
            Summary = "Set the value of a hash field, only if the field does not exist",
        },
        new("hget", 3, ReadOnly | Fast, KeySpec.One, HGet)
            { Since = "2.0.0", Summary = "Get the value of a hash field" },
        new("hmget", -3, ReadOnly | Fast, KeySpec.One, HMGet)
            { Since = "2.0.0", Summary = "Get the values of all the given hash fields" },
        new("hgetall", 2, ReadOnly, KeySpec.One, HGetAll)
            { Since = "2.0.0", Summary = "Get all the fields and values in a hash" },
        new("hkeys", 2, ReadOnly, KeySpec.One, HKeys)
            { Since = "2.0.0", Summary = "Get all the fields in a hash" },
        new("hvals", 2, ReadOnly, KeySpec.One, HVals)
            { Since = "2.0.0", Summary = "Get all the values in a hash" },
        new("hlen", 2, ReadOnly | Fast, KeySpec.One, HLen)
            { KeyAccess = KeyAccess.Exists, Since = "2.0.0", Summary = "Get the number of fields in a hash" },
        new("hstrlen", 3, ReadOnly | Fast, KeySpec.One, HStrLen)
            { KeyAccess = KeyAccess.Exists, Since = "3.2.0", Summary = "Get the length of the value of a hash field" },
        new("hexists", 3, ReadOnly | Fast, KeySpec.One, HExists)
            { KeyAccess = KeyAccess.Exists, Since = "2.0.0", Summary = "Determine if a hash field exists" },
        new("hdel", -3, Write | Fast, KeySpec.One, HDel)
            { Since = "2.0.0", Summary = "Delete one or more hash fields" },
        new("hincrby", 4, Write | DenyOom | Fast, KeySpec.One, HIncrBy)
        {
            KeyAccess = KeyAccess.ReadWrite,
            Since = "2.0.0",
            Summary = "Increment the integer value of a hash field by the given number",
        },
        new("hincrbyfloat", 4, Write | DenyOom | Fast, KeySpec.One, HIncrByFloat)
        {
            KeyAccess = KeyAccess.ReadWrite,
            Since = "2.6.0",
            Summary = "Increment the float value of a hash field by the given amount",
        },
    ]);

    public static void HSet(in Call call)
    {
        if (call.Args.Count % 2 != 0)
        {
            call.Reply.Error(Errors.Arity(call.Command.Name));
            return;
        }

        if (!CollectionCalls.AreShort(call, 2, 2))
        {
            return;
        }

        CollectionCalls.Change(call, call.Engine.Hash, call.Args.Count / 2, static (in Call call, FieldMap hash) =>
        {
            int added = 0;
            for (int i = 2; i < call.Args.Count; i += 2)
            {
                added += hash.Set(call.Args[i], call.Args[i + 1]) ? 1 : 0;
            }

            if (call.Command.Name == "hset")
            {
                call.Reply.Integer(added);
            }
            else
            {
                call.Reply.Ok();
            }
        });
    }

    public static void HSetNx(in Call call)
    {
        if (!CollectionCalls.AreShort(call, 2, call.Args.Count))
        {
            return;
        }

        CollectionCalls.Change(call, call.Engine.Hash, 1, static (in Call call, FieldMap hash) =>
        {
            bool isNew = !hash.TryGet(call.Args[2], out _);
            if (isNew)
            {
                hash.Set(call.Args[2], call.Args[3]);
            }

            call.Reply.Integer(isNew ? 1 : 0);
        });
    }

    public static void HGet(in Call call)
    {
        if (CollectionCalls.TryRead(call, call.Engine.Hash))
        {
            ReplyField(call, call.Engine.Hash, call.Args[2]);
        }
    }

    public static void HMGet(in Call call)
    {
        if (!CollectionCalls.TryRead(call, call.Engine.Hash))
        {
            return;
        }

        call.Reply.Array(call.Args.Count - 2);
        for (int i = 2; i < call.Args.Count; i++)
        {
            ReplyField(call, call.Engine.Hash, call.Args[i]);
        }
    }

    public static void HGetAll(in Call call)
    {
        if (CollectionCalls.TryRead(call, call.Engine.Hash))
        {
            call.Reply.Map(call.Engine.Hash.Count);
            ReplyAll(call, fields: true, values: true);
        }
    }

    public static void HKeys(in Call call)
    {
        if (CollectionCalls.TryRead(call, call.Engine.Hash))
        {
            call.Reply.Array(call.Engine.Hash.Count);
            ReplyAll(call, fields: true, values: false);
        }
    }

    public static void HVals(in Call call)
    {
        if (CollectionCalls.TryRead(call, call.Engine.Hash))
        {
            call.Reply.Array(call.Engine.Hash.Count);
            ReplyAll(call, fields: false, values: true);
        }
    }

    public static void HLen(in Call call)
    {
        if (CollectionCalls.TryRead(call, call.Engine.Hash))
        {
            call.Reply.Integer(call.Engine.Hash.Count);
        }
    }

    public static void HStrLen(in Call call)
    {
        if (CollectionCalls.TryRead(call, call.Engine.Hash))
        {
            call.Engine.Hash.TryGet(call.Args[2], out ReadOnlySpan<byte> value);
            call.Reply.Integer(value.Length);
        }
    }

    public static void HExists(in Call call)
    {
        if (CollectionCalls.TryRead(call, call.Engine.Hash))
        {
            call.Reply.Integer(call.Engine.Hash.TryGet(call.Args[2], out _) ? 1 : 0);
        }
    }

    public static void HDel(in Call call) => CollectionCalls.Change(
        call, call.Engine.Hash, call.Args.Count - 2, static (in Call call, FieldMap hash) =>
        {
            int removed = 0;
            for (int i = 2; i < call.Args.Count && hash.Exists; i++)
            {
                removed += hash.Remove(call.Args[i]) ? 1 : 0;
            }

            call.Reply.Integer(removed);
        });

    public static void HIncrBy(in Call call)
    {
        // A number that is none answers before a key of another type does.
        if (!call.TryInteger(3, out _) || !CollectionCalls.AreShort(call, 2, call.Args.Count))
        {
            return;
        }

        CollectionCalls.Change(call, call.Engine.Hash, 1, static (in Call call, FieldMap hash) =>
        {
            long old = 0;
            if (!call.TryInteger(3, out long by))
            {
                return;
            }

            if (hash.TryGet(call.Args[2], out ReadOnlySpan<byte> value) && !Numbers.TryParse(value, out old))
            {
                call.Reply.Error("ERR hash value is not an integer"u8);
                return;
            }

            long sum = unchecked(old + by);
            if (((old ^ sum) & (by ^ sum)) < 0)
            {
                call.Reply.Error("ERR increment or decrement would overflow"u8);
                return;
            }

            Span<byte> digits = stackalloc byte[Numbers.MaxIntegerLength];
            hash.Set(call.Args[2], digits[..Numbers.Format(sum, digits)], keepsTime: true);
            call.Reply.Integer(sum);
        });
    }

    public static void HIncrByFloat(in Call call)
    {
        if (!ExtendedFloat.TryParse(call.Args[3], out ExtendedFloat by))
        {
            call.Reply.Error(Errors.NotAFloat);
            return;
        }

        if (!by.IsFinite)
        {
            call.Reply.Error("ERR value is NaN or Infinity"u8);
            return;
        }

        if (!CollectionCalls.AreShort(call, 2, call.Args.Count))
        {
            return;
        }

        CollectionCalls.Change(call, call.Engine.Hash, 1, static (in Call call, FieldMap hash) =>
        {
            ExtendedFloat old = default;
            if (!ExtendedFloat.TryParse(call.Args[3], out ExtendedFloat by))
            {
                return; // it was looked at before
            }

            if (hash.TryGet(call.Args[2], out ReadOnlySpan<byte> value) && !ExtendedFloat.TryParse(value, out old))
            {
                call.Reply.Error("ERR hash value is not a float"u8);
                return;
            }

            ExtendedFloat sum = old + by;
            if (!sum.IsFinite)
            {
                call.Reply.Error(Errors.NotANumber);
                return;
            }

            byte[] text = Encoding.ASCII.GetBytes(sum.ToString());
            hash.Set(call.Args[2], text, keepsTime: true);
            call.Reply.Bulk(text);
        });
    }

    internal static void ReplyField(in Call call, FieldMap hash, ReadOnlySpan<byte> field)
    {
        if (hash.TryGet(field, out ReadOnlySpan<byte> value))
        {
            call.Reply.Bulk(value);
        }
        else
        {
            call.Reply.Null();
        }
    }

    private static void ReplyAll(in Call call, bool fields, bool values)
    {
        FieldCursor cursor = call.Engine.Hash.Scan();
        while (cursor.MoveNext())
        {
            if (fields)
            {
                call.Reply.Bulk(cursor.Field);
            }

            if (values)
            {
                call.Reply.Bulk(cursor.Value);
            }
        }
    }
}
