using System.Globalization;
using System.Text;
using GuestMemFs;
using KvStore.Access;
using KvStore.Memory;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>SCAN, KEYS and RANDOMKEY.</summary>
internal static class Scanning
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("generic",
    [
        new("keys", 2, ReadOnly, KeySpec.None, AllKeys)
            { Also = AclCategories.Dangerous, Since = "1.0.0", Summary = "Find all keys matching the given pattern" },
        new("scan", -2, ReadOnly, KeySpec.None, Scan)
            { Since = "2.8.0", Summary = "Incrementally iterate the keys space" },
        new("randomkey", 1, ReadOnly, KeySpec.None, RandomKey)
            { Since = "1.0.0", Summary = "Return a random key from the keyspace" },
    ]);

    private const int DefaultCount = 10;
    private const int KeysPerBucket = 5;

    /// <summary>A table that is mostly empty is not walked for ever to find the keys asked for.</summary>
    private const int BucketsPerKey = 10;

    private const long LargestCount = 1L << 32;
    private const int BucketsAtATime = 1024;

    public static void Scan(in Call call)
    {
        if (!TryCursor(call.Args[1], out ulong cursor))
        {
            call.Reply.Error("ERR invalid cursor"u8);
            return;
        }

        if (!ScanOptions.TryParse(call, out ScanOptions options))
        {
            return;
        }

        using var found = new KeyCollector(LongestReply(call));
        var visitor = new Visitor(found, options.Pattern, options.Type);
        long buckets = Math.Min(options.Count, LargestCount) * BucketsPerKey;
        do
        {
            int step =
                (int)Math.Clamp((options.Count - visitor.Seen) / KeysPerBucket, 1, Math.Min(buckets, BucketsAtATime));
            cursor = call.Keys.Scan(cursor, step, ref visitor);
            buckets -= step;
        }
        while (cursor != 0 && visitor.Seen < options.Count && buckets > 0);
        call.Reply.Array(2);
        call.Reply.Bulk(cursor.ToString(CultureInfo.InvariantCulture));
        found.Reply(call);
    }

    public static void AllKeys(in Call call)
    {
        using var found = new KeyCollector(LongestReply(call));
        var visitor = new Visitor(found, call.Args[1], default);
        ulong cursor = 0;
        do
        {
            cursor = call.Keys.Scan(cursor, BucketsAtATime, ref visitor);
        }
        while (cursor != 0);
        found.Reply(call);
    }

    public static void RandomKey(in Call call)
    {
        using var found = new KeyCollector(LongestReply(call));
        var visitor = new Visitor(found, "*"u8, default);
        if (!call.Keys.TryVisitRandom(ref visitor) || !found.TryReplyFirst(call.Reply))
        {
            call.Reply.Null();
        }
    }

    internal static long LongestReply(in Call call) =>
        Math.Min(Array.MaxLength, Math.Min(call.Engine.Options.OutputHardLimit, call.Engine.Options.OutputTotalLimit));

    internal static bool TryCursor(ReadOnlySpan<byte> text, out ulong cursor)
    {
        cursor = 0;
        if (text.Length == 0)
        {
            return true; // as strtoul has it, which also takes a sign
        }

        bool negative = text[0] == (byte)'-';
        ReadOnlySpan<byte> digits = negative || text[0] == (byte)'+' ? text[1..] : text;
        if (!ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out cursor))
        {
            return false;
        }

        cursor = negative ? 0 - cursor : cursor;
        return true;
    }

    /// <summary>COUNT, MATCH and TYPE.</summary>
    private ref struct ScanOptions
    {
        public long Count { get; private set; }

        public ReadOnlySpan<byte> Pattern { get; private set; }

        /// <summary>Of which type; empty for all.</summary>
        public ReadOnlySpan<byte> Type { get; private set; }

        /// <summary>Replied where it is false.</summary>
        public static bool TryParse(in Call call, out ScanOptions options)
        {
            options = new ScanOptions { Count = DefaultCount, Pattern = "*"u8 };
            for (int i = 2; i < call.Args.Count; i += 2)
            {
                bool last = i + 1 == call.Args.Count;
                if (call.Args.Is(i, "count"u8) && !last)
                {
                    if (!call.TryInteger(i + 1, out long count))
                    {
                        return false;
                    }

                    options.Count = count;
                }
                else if (call.Args.Is(i, "match"u8) && !last)
                {
                    options.Pattern = call.Args[i + 1];
                }
                else if (call.Args.Is(i, "type"u8) && !last)
                {
                    options.Type = call.Args[i + 1];
                }
                else
                {
                    call.Reply.Error(Errors.Syntax);
                    return false;
                }

                if (options.Count < 1)
                {
                    call.Reply.Error(Errors.Syntax);
                    return false;
                }
            }

            return true;
        }
    }

    private ref struct Visitor(KeyCollector found, ReadOnlySpan<byte> pattern, ReadOnlySpan<byte> type) : IRecordVisitor
    {
        private readonly ReadOnlySpan<byte> _pattern = pattern;
        private readonly ReadOnlySpan<byte> _type = type;
        private readonly bool _anyKey = pattern is [(byte)'*'];

        /// <summary>Records visited, those left out included.</summary>
        public long Seen { get; private set; }

        public void Visit(in RecordView record)
        {
            Seen++;
            if ((_anyKey || Glob.IsMatch(_pattern, record.Key))
                && (_type.IsEmpty || Ascii.EqualsIgnoreCase(_type, Keys.TypeName(record.Type))))
            {
                found.Add(record.Key);
            }
        }
    }

    /// <summary>
    /// Keys that were found, one behind the other, as bulk strings: their number has to be replied before them.
    /// </summary>
    /// <param name="limit">With more bytes no more are kept: its client would be closed for as long a reply.</param>
    internal sealed class KeyCollector(long limit) : IDisposable
    {
        private readonly GrowingBuffer _bytes = new();
        private int _count;
        private bool _over;

        public void Add(ReadOnlySpan<byte> key)
        {
            Span<byte> header = stackalloc byte[RespWriter.HeaderLength];
            header[0] = (byte)'$';
            int at = 1 + Numbers.Format(key.Length, header[1..]);
            "\r\n"u8.CopyTo(header[at..]);
            at += 2;
            _over |= _bytes.Length + (long)at + key.Length > limit;
            if (_over)
            {
                return;
            }

            Span<byte> to = _bytes.Append(at + key.Length + 2);
            header[..at].CopyTo(to);
            key.CopyTo(to[at..]);
            "\r\n"u8.CopyTo(to[(at + key.Length)..]);
            _count++;
        }

        public void Reply(in Call call)
        {
            if (_over)
            {
                call.Session.Close = call.Session.Drop = true;
                call.Engine.Statistics.Overflowed++;
                return;
            }

            call.Reply.Array(_count);
            call.Reply.Raw(_bytes.Span);
        }

        /// <summary>False where none was found.</summary>
        public bool TryReplyFirst(RespWriter reply)
        {
            if (_count == 0)
            {
                return false;
            }

            reply.Raw(_bytes.Span);
            return true;
        }

        public void Dispose() => _bytes.Dispose();
    }
}
