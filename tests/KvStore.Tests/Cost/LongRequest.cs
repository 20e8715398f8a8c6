using System.Text;

namespace KvStore.Tests.Cost;

/// <summary>
/// A request as a client sends it, of which a part comes many times: one of hundreds of megabytes takes no memory.
/// </summary>
internal sealed record LongRequest(IReadOnlyList<(byte[] Bytes, long Length)> Parts)
{
    private static readonly byte[] s_letters = [.. Enumerable.Repeat((byte)'a', 1 << 20)];
    private static readonly byte[] s_zeros = new byte[1 << 20];

    /// <summary>The words of a line; <c>~</c> in one is <c>n</c> letters, and <c>^</c> is <c>n</c> zeros.</summary>
    public static LongRequest Of(string line, int n)
    {
        string[] words = [.. line.Split(' ').Select(word => word == "script" ? "return ARGV" : word)];
        List<(byte[], long)> parts = [Whole($"*{words.Length}\r\n")];
        foreach (string word in words)
        {
            int at = word.IndexOfAny(['~', '^']);
            if (at < 0)
            {
                parts.Add(Whole($"${word.Length}\r\n{word}\r\n"));
                continue;
            }

            parts.Add(Whole($"${word.Length - 1 + n}\r\n{word[..at]}"));
            parts.Add((word[at] == '~' ? s_letters : s_zeros, n));
            parts.Add(Whole($"{word[(at + 1)..]}\r\n"));
        }

        return new LongRequest(parts);
    }

    /// <summary>One whose bytes are there already.</summary>
    public static LongRequest Whole(byte[] request) => new([(request, request.Length)]);

    private static (byte[] Bytes, long Length) Whole(string text) => (Encoding.Latin1.GetBytes(text), text.Length);
}
