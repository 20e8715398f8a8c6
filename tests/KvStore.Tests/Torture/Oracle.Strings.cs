using System.Globalization;
using System.Text;
using KvStore.Demo;

namespace KvStore.Tests.Torture;

internal sealed partial class Oracle
{
    private RespReply Set(byte[][] a, Instant now)
    {
        Entry? old = Find(a[1]);
        bool get = false, allowed = true;
        Instant? expiry = null;
        for (int i = 3; i < a.Length; i++)
        {
            switch (Text(a[i]))
            {
                case "NX": allowed = old is null; break;
                case "XX": allowed = old is not null; break;
                case "GET": get = true; break;
                case "KEEPTTL": expiry = old?.Expiry; break;
                default: expiry = ExpiryOption(a, ref i, now); break;
            }
        }

        if (allowed)
        {
            Put(a[1], new Entry(a[2], expiry), Ok);
        }

        return get ? Value(old) : allowed ? Ok : RespReply.Null;
    }

    private RespReply GetEx(byte[][] a, Instant now)
    {
        if (Find(a[1]) is not { } entry)
        {
            return RespReply.Null;
        }

        if (a.Length > 2)
        {
            int i = 2;
            Instant? expiry = Text(a[2]) == "PERSIST" ? null : ExpiryOption(a, ref i, now);
            Put(a[1], entry with { Expiry = expiry }, Ok);
        }

        return Bulk(entry.Value);
    }

    private static Instant ExpiryOption(byte[][] a, ref int i, Instant now)
    {
        long number = Number(a[i + 1]);
        return Text(a[i++]) switch
        {
            "EX" => now.Plus(number * 1000),
            "PX" => now.Plus(number),
            "EXAT" => Instant.Exactly(number * 1000),
            "PXAT" => Instant.Exactly(number),
            var other => throw new NotSupportedException($"The oracle does not know the option {other}."),
        };
    }

    private RespReply Append(byte[] key, byte[] tail)
    {
        Entry? old = Find(key);
        byte[] value = [.. old?.Value ?? [], .. tail];
        return Put(key, new Entry(value, old?.Expiry), Integer(value.Length));
    }

    private RespReply SetRange(byte[] key, int offset, byte[] part)
    {
        Entry? old = Find(key);
        if (part.Length == 0)
        {
            return Integer(old?.Value.Length ?? 0);
        }

        byte[] value = Grown(old, offset + part.Length);
        part.CopyTo(value, offset);
        return Put(key, new Entry(value, old?.Expiry), Integer(value.Length));
    }

    private RespReply SetBit(byte[] key, int offset, bool bit)
    {
        Entry? old = Find(key);
        byte[] value = Grown(old, (offset / 8) + 1);
        int mask = 0x80 >> (offset % 8);
        bool before = (value[offset / 8] & mask) != 0;
        value[offset / 8] = (byte)(bit ? value[offset / 8] | mask : value[offset / 8] & ~mask);
        return Put(key, new Entry(value, old?.Expiry), before ? One : Zero);
    }

    private RespReply BitOperation(byte[][] a)
    {
        byte[][] sources = [.. a[3..].Select(key => Find(key)?.Value ?? [])];
        byte[] result = [.. sources.MaxBy(source => source.Length)!];
        for (int i = 0; i < result.Length; i++)
        {
            IEnumerable<int> bytes = sources.Select(source => i < source.Length ? source[i] : 0);
            result[i] = (byte)(Text(a[1]) switch
            {
                "NOT" => ~result[i],
                "AND" => bytes.Aggregate((x, y) => x & y),
                "OR" => bytes.Aggregate((x, y) => x | y),
                _ => bytes.Aggregate((x, y) => x ^ y),
            });
        }

        return result.Length == 0 ? Delete(a[2], Zero) : Put(a[2], new Entry(result), Integer(result.Length));
    }

    /// <summary>SET and INCRBY of whole bytes, which come around.</summary>
    private RespReply BitField(byte[][] a)
    {
        Entry? old = Find(a[1]);
        byte[] value = old?.Value ?? [];
        List<RespReply> replies = [];
        for (int i = 2; i < a.Length; i += 4)
        {
            int at = (int)Number(a[i + 2][1..]);
            value = Grown(new Entry(value), at + 1);
            byte before = value[at];
            bool sets = Text(a[i]) == "SET";
            value[at] = (byte)(Number(a[i + 3]) + (sets ? 0 : before));
            replies.Add(Integer(sets ? before : value[at]));
        }

        return Put(a[1], new Entry(value, old?.Expiry), new RespReply(RespKind.Array, Items: [.. replies]));
    }

    private static byte[] Grown(Entry? old, int atLeast)
    {
        var value = new byte[Math.Max(old?.Value.Length ?? 0, atLeast)];
        old?.Value.CopyTo(value, 0);
        return value;
    }

    private RespReply Increment(byte[] key, long by)
    {
        Entry? old = Find(key);
        string text = old is null ? "0" : Encoding.Latin1.GetString(old.Value);
        if (!long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number)
            || number.ToString(CultureInfo.InvariantCulture) != text)
        {
            return Error(NotAnInteger);
        }

        try
        {
            number = checked(number + by);
        }
        catch (OverflowException)
        {
            return Error("ERR increment or decrement would overflow");
        }

        return Put(key, new Entry(Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture)), old?.Expiry),
            Integer(number));
    }

    // Decimals stand in for long doubles: the load only adds quarters to small numbers, which both hold exactly.
    private RespReply IncrementFloat(byte[] key, byte[] by)
    {
        Entry? old = Find(key);
        decimal sum = decimal.Parse(Text(old?.Value ?? "0"u8.ToArray()), CultureInfo.InvariantCulture)
            + decimal.Parse(Text(by), CultureInfo.InvariantCulture);
        byte[] value = Encoding.ASCII.GetBytes(sum.ToString("0.##", CultureInfo.InvariantCulture));
        return Put(key, new Entry(value, old?.Expiry), Bulk(value));
    }

    private RespReply SetMany(byte[][] a)
    {
        for (int i = 1; i < a.Length; i += 2)
        {
            Put(a[i], new Entry(a[i + 1]), Ok);
        }

        return Ok;
    }

    private RespReply SetManyIfNone(byte[][] a)
    {
        for (int i = 1; i < a.Length; i += 2)
        {
            if (Find(a[i]) is not null)
            {
                return Zero;
            }
        }

        SetMany(a);
        return One;
    }
}
