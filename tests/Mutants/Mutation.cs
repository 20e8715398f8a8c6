using Microsoft.CodeAnalysis.Text;

namespace GuestMemFs.Mutants;

/// <summary>One change of the source.</summary>
/// <param name="File">The file, relative to the repository's root.</param>
/// <param name="Span">What is replaced.</param>
/// <param name="Line">Where that begins; 1 is the first line.</param>
/// <param name="Before">The text that is replaced.</param>
/// <param name="After">What stands there instead.</param>
/// <param name="Ordinal">Which one it is of those in the file that read alike; 1 is the first.</param>
internal sealed record Mutation(string File, TextSpan Span, int Line, string Before, string After, int Ordinal)
{
    /// <summary>The room that the file lies in.</summary>
    public string Room => Path.GetFileName(Path.GetDirectoryName(File)!);

    /// <summary>
    /// What names the mutation in results and lists of explained survivors; it does not change when lines above it do.
    /// </summary>
    public string Name => $"{File}: {OneLine(Before)} => {OneLine(After)}{(Ordinal == 1 ? "" : $" ({Ordinal})")}";

    public string Apply(string source) => source[..Span.Start] + After + source[Span.End..];

    private static string OneLine(string text)
    {
        string line = string.Join(' ', text.Split([' ', '\n', '\r', '\t'], StringSplitOptions.RemoveEmptyEntries));
        return line.Length == 0 ? "(nothing)" : line.Length <= 100 ? line : line[..100] + "…";
    }
}
