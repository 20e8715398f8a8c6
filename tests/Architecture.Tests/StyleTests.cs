using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GuestMemFs.Architecture;

/// <summary>The measures of CONTRIBUTING.md. What is over them is counted a file; a count may only fall.</summary>
public sealed class StyleTests
{
    private const int MaximumColumns = 120;
    private const int MaximumMethodLines = 50;
    private const int MaximumParameters = 6;

    [Fact]
    public void A_line_has_at_most_120_columns()
    {
        string[] places = ["src", "samples", "tests", "benchmarks"];
        var files = places.SelectMany(Repository.Sources).Concat(Repository.Files(".", "*.md"));

        Ratchet.Compare("long-lines", files.Select(file => (file, Repository.Text(file).Split('\n').Count(IsTooLong))));
    }

    [Fact]
    public void A_method_has_at_most_50_lines()
    {
        Ratchet.Compare("long-methods", House.Trees.Select(tree =>
            (House.FileOf(tree), Methods(tree).Count(method => Lines(method) > MaximumMethodLines))));
    }

    [Fact]
    public void A_method_has_at_most_six_parameters()
    {
        Ratchet.Compare("many-parameters", House.Trees.Select(tree =>
            (House.FileOf(tree),
                Methods(tree).Count(method => method.ParameterList.Parameters.Count > MaximumParameters))));
    }

    // A table's row cannot be broken, nor can an address.
    private static bool IsTooLong(string line) =>
        line.Length > MaximumColumns && !line.StartsWith('|') && !line.Contains("://", StringComparison.Ordinal);

    private static IEnumerable<BaseMethodDeclarationSyntax> Methods(SyntaxTree tree) =>
        tree.GetRoot().DescendantNodes().OfType<BaseMethodDeclarationSyntax>();

    private static int Lines(SyntaxNode node)
    {
        FileLinePositionSpan span = node.GetLocation().GetLineSpan();
        return span.EndLinePosition.Line - span.StartLinePosition.Line + 1;
    }
}
