using System.Globalization;
using KvStore.Engine;
using KvStore.Protocol;

namespace KvStore.Commands;

/// <summary>HSCAN and SSCAN, and random elements of hashes and sets.</summary>
internal static class ElementScan
{
    public const long DefaultCount = 10;
    private const long LargestCount = 1L << 32;

    /// <summary>One step through a hash or a set; a small one is one step.</summary>
    public static void Run(in Call call, FieldMap map, bool withValues)
    {
        if (!Scanning.TryCursor(call.Args[2], out ulong number))
        {
            call.Reply.Error("ERR invalid cursor"u8);
            return;
        }

        if (!CollectionCalls.TryRead(call, map))
        {
            return;
        }

        long count = DefaultCount;
        ReadOnlySpan<byte> pattern = "*"u8;
        if (map.Exists && !TryOptions(call, ref count, ref pattern))
        {
            return;
        }

        using Scanning.KeyCollector found = new(Scanning.LongestReply(call));
        ScanCursors cursors = call.Engine.ScanCursors;
        FieldCursor cursor = map.Scan(cursors.Take(number));
        long left = map.IsLarge ? Math.Min(count, LargestCount) : long.MaxValue;
        number = 0;
        while (map.Exists && cursor.MoveNext())
        {
            if (left-- == 0)
            {
                number = cursors.Put(cursor.Field);
                break;
            }

            if (Glob.IsMatch(pattern, cursor.Field))
            {
                found.Add(cursor.Field);
                if (withValues)
                {
                    found.Add(cursor.Value);
                }
            }
        }

        call.Reply.Array(2);
        call.Reply.Bulk(number.ToString(CultureInfo.InvariantCulture));
        found.Reply(call);
    }

    /// <summary>Random elements: different ones, or, with a negative count, so many whatever comes twice.</summary>
    public static void ReplyRandom(in Call call, FieldMap map, long count, bool withValues)
    {
        long size = map.Count;
        if (count == 0 || size == 0)
        {
            call.Reply.Array(0);
            return;
        }

        long elements = count < 0 ? -count : Math.Min(count, size);
        bool paired = withValues && call.Reply.Resp3;
        call.Reply.Array(withValues && !paired ? elements * 2 : elements);
        if (count >= size)
        {
            FieldCursor all = map.Scan();
            while (all.MoveNext())
            {
                Reply(call, all.Field, all.Value, withValues, paired);
            }

            return;
        }

        if (count > 0 && !map.IsDense)
        {
            ReplySome(call, map, elements, withValues);
            return;
        }

        if (!map.IsDense)
        {
            ReplyAny(call, map, elements, withValues);
            return;
        }

        HashSet<long> seen = [];
        for (long i = 0; i < elements; i++)
        {
            // Floyd's way: each choice of so many is as likely as any other.
            long index = Random.Shared.NextInt64(count < 0 ? size : size - elements + i + 1);
            if (count > 0 && !seen.Add(index))
            {
                index = size - elements + i;
                seen.Add(index);
            }

            (byte[] field, byte[] value) = map.At(index);
            Reply(call, field, value, withValues, paired);
        }
    }

    /// <summary>So many different ones, in one walk: places do not tell which have expired.</summary>
    private static void ReplySome(in Call call, FieldMap map, long elements, bool withValues)
    {
        FieldCursor all = map.Scan();
        for (long left = map.Count; elements > 0 && all.MoveNext(); left--)
        {
            if (Random.Shared.NextInt64(left) < elements)
            {
                Reply(call, all.Field, all.Value, withValues, withValues && call.Reply.Resp3);
                elements--;
            }
        }
    }

    /// <summary>So many, whatever comes twice. Where chance would seldom meet one they are few, and listed.</summary>
    private static void ReplyAny(in Call call, FieldMap map, long elements, bool withValues)
    {
        List<KeyValuePair<byte[], byte[]>> few = [];
        FieldCursor all = map.Scan();
        while (map.IsSparse && all.MoveNext())
        {
            few.Add(new(all.Field.ToArray(), all.Value.ToArray()));
        }

        for (; elements > 0; elements--)
        {
            (byte[] field, byte[] value) =
                few.Count > 0 ? few[Random.Shared.Next(few.Count)] : map.AtRandom();
            Reply(call, field, value, withValues, withValues && call.Reply.Resp3);
        }
    }

    private static void Reply(
        in Call call, ReadOnlySpan<byte> field, ReadOnlySpan<byte> value, bool withValues, bool paired)
    {
        if (paired)
        {
            call.Reply.Array(2);
        }

        call.Reply.Bulk(field);
        if (withValues)
        {
            call.Reply.Bulk(value);
        }
    }

    internal static bool TryOptions(in Call call, ref long count, ref ReadOnlySpan<byte> pattern)
    {
        for (int i = 3; i < call.Args.Count; i += 2)
        {
            bool last = i + 1 == call.Args.Count;
            if (call.Args.Is(i, "count"u8) && !last)
            {
                if (!call.TryInteger(i + 1, out count))
                {
                    return false;
                }

                if (count < 1)
                {
                    call.Reply.Error(Errors.Syntax);
                    return false;
                }
            }
            else if (call.Args.Is(i, "match"u8) && !last)
            {
                pattern = call.Args[i + 1];
            }
            else
            {
                call.Reply.Error(Errors.Syntax);
                return false;
            }
        }

        return true;
    }
}
