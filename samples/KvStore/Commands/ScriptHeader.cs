using System.Text;
using KvStore.Scripts;

namespace KvStore.Commands;

/// <summary>A script's first line where it is one for the server: <c>#!lua flags=no-writes</c>.</summary>
/// <param name="Length">Its bytes, without the line's end.</param>
/// <param name="NoWrites">True where it says that the script does not write.</param>
/// <param name="AllowsOom">True where it says that the script runs though keys take more than they may.</param>
internal readonly record struct ScriptHeader(int Length, bool NoWrites, bool AllowsOom)
{
    /// <summary>Null, or the error.</summary>
    public static string? TryRead(ReadOnlySpan<byte> source, out ScriptHeader header)
    {
        header = default;
        if (!source.StartsWith("#!"u8))
        {
            return null;
        }

        int end = source.IndexOf((byte)'\n');
        if (end < 0)
        {
            return "ERR Invalid script shebang";
        }

        string[] words = Encoding.Latin1.GetString(source[..end]).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words[0] != "#!lua")
        {
            return $"ERR Unexpected engine in script shebang: {words[0]}";
        }

        bool noWrites = false;
        bool allowsOom = false;
        foreach (string word in words.Skip(1))
        {
            if (!word.StartsWith("flags=", StringComparison.Ordinal))
            {
                return $"ERR Unknown lua shebang option: {word}";
            }

            foreach (string flag in word[6..].Split(',', StringSplitOptions.RemoveEmptyEntries))
            {
                if (!LibraryFunction.KnownFlags.Contains(flag))
                {
                    return $"ERR Unexpected flag in script shebang: {flag}";
                }

                noWrites |= flag == "no-writes";
                allowsOom |= flag == "allow-oom";
            }
        }

        header = new ScriptHeader(end, noWrites, allowsOom);
        return null;
    }

    /// <summary>The script for Lua: its lines keep their numbers.</summary>
    public byte[] WithoutFirstLine(byte[] source) => source[Length..];
}
