using System.Text;
using KvStore.Scripts;

namespace KvStore.Commands;

/// <summary>A library of functions that was loaded.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Handle">What Lua knows it by.</param>
/// <param name="Source">Its text.</param>
/// <param name="Functions">What it registered.</param>
internal sealed record FunctionLibrary(
    string Name, string Handle, byte[] Source, IReadOnlyList<LibraryFunction> Functions)
{
    private const string WrongName = "ERR Library names can only contain letters, numbers, or underscores(_) and must "
        + "be at least one character long";

    /// <summary>Reads a text's first line, as <c>#!lua name=orders</c>; null, or the error.</summary>
    public static string? TryReadName(ReadOnlySpan<byte> source, out string name, out int length)
    {
        name = "";
        length = source.IndexOf((byte)'\n');
        if (!source.StartsWith("#!"u8))
        {
            return "ERR Missing library metadata";
        }

        if (length < 0)
        {
            return "ERR Invalid library metadata";
        }

        string line = Encoding.Latin1.GetString(source[2..length]);
        string engine = line.Split(' ')[0];
        string? found = null;
        foreach (string word in line[engine.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!word.StartsWith("name=", StringComparison.OrdinalIgnoreCase))
            {
                return $"ERR Invalid metadata value given: {word}";
            }

            if (found is not null)
            {
                return "ERR Invalid metadata value, name argument was given multiple times";
            }

            found = Unquoted(word[5..]);
        }

        name = found ?? "";
        return found is null ? "ERR Library name was not given"
            : !IsName(found) ? WrongName
            : engine.Equals("lua", StringComparison.OrdinalIgnoreCase) ? null
            : $"ERR Engine '{engine}' not found";
    }

    private static string Unquoted(string word) =>
        word.Length > 1 && word[0] is '\'' or '"' && word[0] == word[^1] ? word[1..^1] : word;

    private static bool IsName(string name) =>
        name.Length > 0 && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');
}
