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

        string[] words = Encoding.Latin1.GetString(source[2..length]).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string? found = null;
        foreach (string word in words.Skip(1))
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
            : words[0].Equals("lua", StringComparison.OrdinalIgnoreCase) ? null
            : $"ERR Engine '{words[0]}' not found";
    }

    private static string Unquoted(string word) =>
        word.Length > 1 && word[0] is '\'' or '"' && word[0] == word[^1] ? word[1..^1] : word;

    private static bool IsName(string name) =>
        name.Length > 0 && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');
}
