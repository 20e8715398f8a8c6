using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GuestMemFs.Mutants;

/// <summary>Finds the mutants that an error of the compiler is about.</summary>
internal static class Refusal
{
    // A variable that is not assigned on every way: the error stands at its use, the mutant elsewhere.
    private static readonly string[] s_unassigned = ["CS0165", "CS0269", "CS0177", "CS0170"];

    public static IReadOnlyCollection<int> Of(Diagnostic error)
    {
        if (error.Location.SourceTree is not { } tree)
        {
            return [];
        }

        SyntaxNode place = tree.GetRoot().FindNode(error.Location.SourceSpan, getInnermostNodeForTie: true);
        if (s_unassigned.Contains(error.Id) && OfVariable(error, place) is { Count: > 0 } assigning)
        {
            return assigning;
        }

        foreach (SyntaxNode node in place.AncestorsAndSelf())
        {
            if (node.Parent is ConditionalExpressionSyntax { Condition: InvocationExpressionSyntax call } choice
                && choice.WhenTrue == node && Numbers(call) is [int changed])
            {
                return [changed];
            }
        }

        return place.AncestorsAndSelf().TakeWhile(node => node is not TypeDeclarationSyntax).Select(Numbers)
            .FirstOrDefault(numbers => numbers.Length > 0) ?? [];
    }

    private static HashSet<int> OfVariable(Diagnostic error, SyntaxNode place)
    {
        string text = error.GetMessage(CultureInfo.InvariantCulture);
        string name = text.Split('\'') is [_, var quoted, ..] ? quoted : "";
        SyntaxNode? member = place.AncestorsAndSelf().FirstOrDefault(node => node is MemberDeclarationSyntax);
        if (member is null || name.Length == 0)
        {
            return [];
        }

        // Statements that were left out and conditions that were passed over, where they name the variable.
        return [.. from node in member.DescendantNodes()
            where node is IfStatementSyntax or ParenthesizedExpressionSyntax
            where node.DescendantTokens().Any(token => token.ValueText == name)
            from number in OfThis(node)
            select number];
    }

    private static int[] OfThis(SyntaxNode node) => node switch
    {
        IfStatementSyntax { Condition: PrefixUnaryExpressionSyntax { Operand: InvocationExpressionSyntax call } } =>
            Numbers(call),
        ParenthesizedExpressionSyntax { Expression: BinaryExpressionSyntax binary } => Numbers(binary.Left),
        ParenthesizedExpressionSyntax { Expression: ConditionalExpressionSyntax choice } => Numbers(choice.Condition),
        _ => [],
    };

    private static int[] Numbers(SyntaxNode node) =>
        [.. node.DescendantNodesAndSelf().OfType<InvocationExpressionSyntax>()
            .Where(call => call.Expression.ToString() == "global::Mutant.Is")
            .Select(call => (int)((LiteralExpressionSyntax)call.ArgumentList.Arguments[0].Expression).Token.Value!)];
}
