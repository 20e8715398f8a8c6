using System.Text;

namespace KvStore.Protocol;

/// <summary>
/// Splits the line of an inline command into arguments, with the quotes and escapes that redis-cli and telnet users
/// type.
/// </summary>
internal static class InlineSplitter
{
    /// <summary>
    /// Unquotes the line into <paramref name="output"/> (at least as long) and adds a slice an argument; false where
    /// quotes do not balance.
    /// </summary>
    public static bool TrySplit(ReadOnlySpan<byte> line, byte[] output, ref SliceList slices)
    {
        int at = 0;
        int written = 0;
        while (true)
        {
            while (at < line.Length && IsSpace(line[at]))
            {
                at++;
            }

            // A C string ends at a NUL, and so does Redis's line.
            if (at == line.Length || line[at] == 0)
            {
                return true;
            }

            int start = written;
            if (!TryReadWord(line, ref at, output, ref written))
            {
                return false;
            }

            slices.Add(new Slice(start, written - start));
        }
    }

    /// <summary>The same of a text.</summary>
    public static bool TrySplit(string line, out string[] words)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(line);
        byte[] output = new byte[bytes.Length];
        SliceList slices = new();
        bool balances = TrySplit(bytes, output, ref slices);
        words = new string[balances ? slices.Count : 0];
        for (int i = 0; i < words.Length; i++)
        {
            Slice word = slices.Span[i];
            words[i] = Encoding.UTF8.GetString(output, word.Start, word.Length);
        }

        slices.Dispose();

        return balances;
    }

    private static bool TryReadWord(ReadOnlySpan<byte> line, ref int at, byte[] output, ref int written)
    {
        while (at < line.Length && line[at] != 0 && !IsSpace(line[at]))
        {
            byte c = line[at++];
            if (c is not ((byte)'"' or (byte)'\''))
            {
                output[written++] = c;
                continue;
            }

            if (!TryReadQuoted(line, ref at, output, ref written, quote: c))
            {
                return false;
            }

            // A closing quote ends the word: anything but a space behind it is an error, as is a quote that never
            // closes.
            return at == line.Length || line[at] == 0 || IsSpace(line[at]);
        }

        return true;
    }

    private static bool TryReadQuoted(ReadOnlySpan<byte> line, ref int at, byte[] output, ref int written, byte quote)
    {
        while (at < line.Length && line[at] != 0)
        {
            byte c = line[at++];
            if (c == quote)
            {
                return true;
            }

            if (c == (byte)'\\' && at < line.Length)
            {
                if (quote == (byte)'\'')
                {
                    if (line[at] == (byte)'\'')
                    {
                        c = (byte)'\'';
                        at++;
                    }
                }
                else if (line[at] == (byte)'x' && at + 2 < line.Length && char.IsAsciiHexDigit((char)line[at + 1])
                    && char.IsAsciiHexDigit((char)line[at + 2]))
                {
                    c = (byte)((Hex(line[at + 1]) << 4) | Hex(line[at + 2]));
                    at += 3;
                }
                else
                {
                    c = Unescape(line[at++]);
                }
            }

            output[written++] = c;
        }

        return false;
    }

    private static byte Unescape(byte c) => c switch
    {
        (byte)'n' => (byte)'\n',
        (byte)'r' => (byte)'\r',
        (byte)'t' => (byte)'\t',
        (byte)'b' => (byte)'\b',
        (byte)'a' => (byte)'\a',
        _ => c,
    };

    private static int Hex(byte c) => c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;

    private static bool IsSpace(byte c) => c is (byte)' ' or (>= 9 and <= 13);
}
