using System.Buffers;
using GuestMemFs;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>LCS.</summary>
internal static class CommonSubsequences
{
    private const int FirstOption = 3;

    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("string",
    [
        new("lcs", -3, ReadOnly, KeySpec.Two, Lcs)
            { Since = "7.0.0", Summary = "Find longest common substring" },
    ]);

    public static void Lcs(in Call call)
    {
        if (!TryRead(call, call.Key, out byte[] a) || !TryRead(call, call.Args[2], out byte[] b))
        {
            call.Reply.Error("ERR The specified keys must contain string values"u8);
            return;
        }

        if (!Options.TryParse(call, out Options options))
        {
            return;
        }

        // Redis has a table of four bytes a pair. Here a pair takes a bit, and the time is what counts.
        if ((a.Length + 1L) * (b.Length + 1L) * sizeof(uint) > call.Engine.Options.Protocol.MaxBulkLength)
        {
            call.Reply.Error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"u8);
            return;
        }

        int words = (int)((((long)a.Length * b.Length) >> 6) + 1);
        ulong[] ups = options.WantsLength ? [] : ArrayPool<ulong>.Shared.Rent(words);
        try
        {
            int length = Fill(a, b, ups);
            if (options.WantsLength)
            {
                call.Reply.Integer(length);
                return;
            }

            byte[] common = new byte[length];
            List<Match> matches = Walk(a, b, ups, common);
            if (options.WantsMatches)
            {
                Reply(call.Reply, options, matches, length);
            }
            else
            {
                call.Reply.Bulk(common);
            }
        }
        finally
        {
            if (ups.Length > 0)
            {
                ArrayPool<ulong>.Shared.Return(ups);
            }
        }
    }

    private static bool TryRead(in Call call, ReadOnlySpan<byte> key, out byte[] value)
    {
        var reader = new Reader(call.Engine.Keyspace);
        bool found = call.Keys.TryRead(key, ref reader);
        call.Looked(found, key);
        value = found ? reader.Value ?? [] : [];
        return !found || reader.Value is not null;
    }

    /// <summary>
    /// The length of the longest one. Notes, for each pair of places that differ, whether it is longer without the
    /// first string's; nothing where there is no room to.
    /// </summary>
    private static int Fill(byte[] a, byte[] b, ulong[] ups)
    {
        Array.Clear(ups);
        int[] above = new int[b.Length + 1];
        int[] row = new int[b.Length + 1];
        long bit = 0;
        foreach (byte each in a)
        {
            for (int j = 0; j < b.Length; j++, bit++)
            {
                if (each == b[j])
                {
                    row[j + 1] = above[j] + 1;
                }
                else if (above[j + 1] > row[j])
                {
                    row[j + 1] = above[j + 1];
                    if (ups.Length > 0)
                    {
                        ups[bit >> 6] |= 1UL << (int)(bit & 63);
                    }
                }
                else
                {
                    row[j + 1] = row[j];
                }
            }

            (above, row) = (row, above);
        }

        return above[^1];
    }

    /// <summary>Goes back from the ends, and takes down what is common, in stretches.</summary>
    private static List<Match> Walk(byte[] a, byte[] b, ulong[] ups, byte[] common)
    {
        List<Match> matches = [];
        int left = common.Length;
        int length = 0;
        int i = a.Length;
        int j = b.Length;
        while (i > 0 && j > 0)
        {
            if (a[i - 1] == b[j - 1])
            {
                common[--left] = a[--i];
                j--;
                length++;
                continue;
            }

            Add(matches, i, j, ref length);
            long bit = ((long)(i - 1) * b.Length) + j - 1;
            if ((ups[bit >> 6] >> (int)(bit & 63) & 1) != 0)
            {
                i--;
            }
            else
            {
                j--;
            }
        }

        Add(matches, i, j, ref length);
        return matches;
    }

    private static void Add(List<Match> matches, int a, int b, ref int length)
    {
        if (length > 0)
        {
            matches.Add(new Match(a, b, length));
            length = 0;
        }
    }

    private static void Reply(RespWriter reply, Options options, List<Match> matches, int length)
    {
        matches.RemoveAll(match => match.Length < options.LeastLength);
        reply.Map(2);
        reply.Bulk("matches"u8);
        reply.Array(matches.Count);
        foreach (Match match in matches)
        {
            reply.Array(options.WithLengths ? 3 : 2);
            ReplyRange(reply, match.A, match.Length);
            ReplyRange(reply, match.B, match.Length);
            if (options.WithLengths)
            {
                reply.Integer(match.Length);
            }
        }

        reply.Bulk("len"u8);
        reply.Integer(length);
    }

    private static void ReplyRange(RespWriter reply, int start, int length)
    {
        reply.Array(2);
        reply.Integer(start);
        reply.Integer(start + length - 1);
    }

    /// <summary>A stretch that both have.</summary>
    private readonly record struct Match(int A, int B, int Length);

    private struct Options
    {
        public bool WantsLength { get; private set; }

        public bool WantsMatches { get; private set; }

        public bool WithLengths { get; private set; }

        public long LeastLength { get; private set; }

        public static bool TryParse(in Call call, out Options options)
        {
            options = default;
            for (int i = FirstOption; i < call.Args.Count; i++)
            {
                bool isLeast = call.Args.Is(i, "minmatchlen"u8) && i + 1 < call.Args.Count;
                options.WantsLength |= call.Args.Is(i, "len"u8);
                options.WantsMatches |= call.Args.Is(i, "idx"u8);
                options.WithLengths |= call.Args.Is(i, "withmatchlen"u8);
                if (isLeast)
                {
                    if (!call.TryInteger(++i, out long least))
                    {
                        return false;
                    }

                    options.LeastLength = least;
                }
                else if (!call.Args.Is(i, "len"u8) && !call.Args.Is(i, "idx"u8) && !call.Args.Is(i, "withmatchlen"u8))
                {
                    call.Reply.Error(Errors.Syntax);
                    return false;
                }
            }

            if (options.WantsLength && options.WantsMatches)
            {
                call.Reply.Error("ERR If you want both the length and indexes, please just use IDX."u8);
                return false;
            }

            return true;
        }
    }

    private struct Reader(Keyspace keyspace) : IRecordReader
    {
        /// <summary>Null where it is no string.</summary>
        public byte[]? Value { get; private set; }

        public void Read(in RecordView record)
        {
            Span<byte> scratch = stackalloc byte[Numbers.MaxIntegerLength];
            Value = StringValue.IsWrong(record) ? null : StringValue.Of(record, keyspace, scratch).ToArray();
        }
    }
}
