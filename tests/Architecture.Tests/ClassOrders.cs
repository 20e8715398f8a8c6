using System.Text.RegularExpressions;

namespace GuestMemFs.Architecture;

/// <summary>
/// The order of a room's classes that a file draws in its remarks: a block of <c>code</c> after the words that nothing
/// comes after. A class stands on the line that names its file first.
/// </summary>
internal static partial class ClassOrders
{
    private const string Promise = "nothing that comes after";

    /// <summary>Each drawn order: the files, and the line on which each stands.</summary>
    public static IEnumerable<IReadOnlyDictionary<string, int>> All =>
        from path in Repository.Sources("src")
        let text = Repository.Text(path)
        where text.Contains(Promise, StringComparison.Ordinal)
        let drawn = Drawn().Match(text, text.IndexOf(Promise, StringComparison.Ordinal))
        select Order(Path.GetDirectoryName(path)!, drawn.Groups["lines"].Value.Split('\n'));

    private static Dictionary<string, int> Order(string folder, string[] lines)
    {
        var order = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int line = 0; line < lines.Length; line++)
        {
            foreach (Match word in Word().Matches(lines[line]))
            {
                string file = Path.Combine(folder, word.Value + ".cs");
                if (File.Exists(Path.Combine(Repository.Root, file)))
                {
                    order.TryAdd(file, line);
                }
            }
        }

        return order;
    }

    [GeneratedRegex(@"/// <code>\n(?<lines>(?:/// .*\n)+?)/// </code>")]
    private static partial Regex Drawn();

    [GeneratedRegex(@"\b[A-Z]\w+")]
    private static partial Regex Word();
}
