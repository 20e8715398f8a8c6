using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace GuestMemFs.Mutants;

/// <summary>
/// A source with many mutants in it, each behind a switch: <c>a &lt; b</c> becomes
/// <c>(Mutant.Is(7) ? a &lt;= b : a &lt; b)</c>. Only insertions, so that lines stay where they are.
/// </summary>
internal sealed class SwitchedFile(SemanticModel model)
{
    private readonly SyntaxNode _root = model.SyntaxTree.GetRoot();
    private readonly List<Wrap> _wraps = [];

    // What stands before and behind a piece of the source. Of two around the same piece the first is the outer one.
    private sealed record Wrap(TextSpan Span, int Depth, string Open, string Close);

    /// <summary>The source with switches for the mutants that can have one.</summary>
    /// <param name="source">As it is compiled.</param>
    /// <param name="mutants">Of this source, by number.</param>
    /// <param name="switched">The numbers of those that have one.</param>
    public string Switch(string source, IReadOnlyList<(int Number, Mutation Mutation)> mutants, ISet<int> switched)
    {
        foreach (var place in mutants.Where(one => !IsConstant(one.Mutation)).GroupBy(one => one.Mutation.Span))
        {
            (int Number, Mutation Mutation)[] all = [.. place];
            int before = _wraps.Count;
            Add(all);
            if (_wraps.Count > before)
            {
                switched.UnionWith(Kept(all).Select(one => one.Number));
            }
        }

        return Insert(source);
    }

    private void Add((int Number, Mutation Mutation)[] all)
    {
        TextSpan span = all[0].Mutation.Span;
        switch (all[0].Mutation.After)
        {
            case ";":
                _wraps.Add(new(span, 0, $"{{ if (!{Is(all[0].Number)}) ", " }"));
                break;

            case "true" or "false":
                Condition(span, Kept(all));
                break;

            default:
                SyntaxNode place = _root.FindToken(span.Start).Parent!;
                string source = place.ToString();
                string others = string.Concat(all.Select(one =>
                {
                    int at = span.Start - place.SpanStart;
                    return $"{Is(one.Number)} ? {source[..at]}{one.Mutation.After}{source[(at + span.Length)..]} : ";
                }));
                _wraps.Add(new(place.Span, 2, $"({others}", ")"));
                Convert((ExpressionSyntax)place);
                break;
        }
    }

    // Of a condition that names a variable one of the two: what is assigned behind it must stay known.
    private (int Number, Mutation Mutation)[] Kept((int Number, Mutation Mutation)[] all)
    {
        if (all[0].Mutation.After is not ("true" or "false")
            || !_root.FindNode(all[0].Mutation.Span).DescendantNodes().Any(node => node is VariableDesignationSyntax))
        {
            return all;
        }

        string kept = all[0].Mutation.Before.Contains(" is not ", StringComparison.Ordinal) ? "true" : "false";
        return [.. all.Where(one => one.Mutation.After == kept)];
    }

    private void Condition(TextSpan span, (int Number, Mutation Mutation)[] all)
    {
        if (all.Length == 0 || _root.FindNode(span) is LiteralExpressionSyntax)
        {
            return;
        }

        string open = string.Concat(all.OrderByDescending(one => one.Mutation.After).Select(one =>
            one.Mutation.After == "true" ? $"{Is(one.Number)} || " : $"!{Is(one.Number)} && "));
        _wraps.Add(new(span, 1, $"({open}(", "))"));
    }

    // A constant fits where a value of its type does not: 1 beside a ulong.
    private void Convert(ExpressionSyntax place)
    {
        ExpressionSyntax constant = place;
        while (constant.Parent is ExpressionSyntax parent && model.GetConstantValue(parent).HasValue)
        {
            constant = parent;
        }

        TypeInfo type = model.GetTypeInfo(constant);
        if (model.GetConstantValue(constant).HasValue && type.ConvertedType is { IsValueType: true } to
            && !SymbolEqualityComparer.Default.Equals(type.Type, to)
            && !_wraps.Any(wrap => wrap.Span == constant.Span && wrap.Depth == 0))
        {
            string name = to.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat);
            _wraps.Add(new(constant.Span, 0, $"(unchecked(({name})(", ")))"));
        }
    }

    // Where the language wants a constant there can be no switch.
    private bool IsConstant(Mutation mutation) => _root.FindNode(mutation.Span).AncestorsAndSelf().Any(node =>
        node is PatternSyntax or ParameterSyntax or AttributeSyntax or EnumMemberDeclarationSyntax or SwitchLabelSyntax
        || (node is FieldDeclarationSyntax field && field.Modifiers.Any(SyntaxKind.ConstKeyword))
        || (node is LocalDeclarationStatementSyntax local && local.IsConst));

    private string Insert(string source)
    {
        Wrap[] wraps = [.. _wraps.OrderBy(wrap => wrap.Span.Start).ThenByDescending(wrap => wrap.Span.End).ThenBy(
            wrap => wrap.Depth)];
        var opens = wraps.Select((wrap, i) => (At: wrap.Span.Start, Order: i + 1, Text: wrap.Open));
        var closes = wraps.Select((wrap, i) => (At: wrap.Span.End, Order: -i - 1, Text: wrap.Close));
        System.Text.StringBuilder text = new();
        int from = 0;
        foreach ((int at, int _, string piece) in opens.Concat(closes).OrderBy(one => one.At).ThenBy(one => one.Order))
        {
            text.Append(source, from, at - from).Append(piece);
            from = at;
        }

        return text.Append(source, from, source.Length - from).ToString();
    }

    private static string Is(int number) => $"global::Mutant.Is({number})";
}
