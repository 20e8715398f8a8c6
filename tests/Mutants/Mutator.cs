using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GuestMemFs.Mutants;

/// <summary>
/// Finds what can be made wrong in a file: comparisons, conditions, arithmetic, constants of offsets and counts,
/// statements that are left out. What cannot change behaviour is not touched: attributes, texts, prefetches, what is
/// stated as an invariant (a package has none), alternatives that this processor does not take.
/// </summary>
internal sealed class Mutator(string file, string source) : CSharpSyntaxWalker
{
    private readonly List<Mutation> _found = [];

    public static IReadOnlyList<Mutation> Find(string file, string source)
    {
        var mutator = new Mutator(file, source);
        mutator.Visit(CSharpSyntaxTree.ParseText(source, new CSharpParseOptions(LanguageVersion.Preview)).GetRoot());
        return mutator._found;
    }

    public override void VisitAttributeList(AttributeListSyntax node)
    {
    }

    public override void VisitThrowStatement(ThrowStatementSyntax node)
    {
    }

    public override void VisitThrowExpression(ThrowExpressionSyntax node)
    {
    }

    public override void VisitInterpolatedStringExpression(InterpolatedStringExpressionSyntax node)
    {
    }

    public override void VisitInvocationExpression(InvocationExpressionSyntax node)
    {
        if (node.Expression.ToString() != "Invariant.Holds")
        {
            base.VisitInvocationExpression(node);
        }
    }

    public override void VisitIfStatement(IfStatementSyntax node)
    {
        if (node.Condition.ToString().Contains("IsSupported", StringComparison.Ordinal)
            || node.Condition.ToString().Contains("IsHardwareAccelerated", StringComparison.Ordinal))
        {
            return;
        }

        Condition(node.Condition);
        base.VisitIfStatement(node);
    }

    public override void VisitWhileStatement(WhileStatementSyntax node)
    {
        Add(node.Condition, "false");
        base.VisitWhileStatement(node);
    }

    public override void VisitConditionalExpression(ConditionalExpressionSyntax node)
    {
        Condition(node.Condition);
        base.VisitConditionalExpression(node);
    }

    public override void VisitBinaryExpression(BinaryExpressionSyntax node)
    {
        foreach (string other in Others(node.Kind()))
        {
            Add(node.OperatorToken, other);
        }

        base.VisitBinaryExpression(node);
    }

    public override void VisitLiteralExpression(LiteralExpressionSyntax node)
    {
        if (node.Token.Value is int value && node.Parent is not (CaseSwitchLabelSyntax or EnumMemberDeclarationSyntax))
        {
            Add(node, (value + 1).ToString(CultureInfo.InvariantCulture));
        }
    }

    public override void VisitExpressionStatement(ExpressionStatementSyntax node)
    {
        // A call or an assignment that is left out.
        if (node.Expression is InvocationExpressionSyntax or AssignmentExpressionSyntax
            && !node.ToString().Contains("Prefetch", StringComparison.Ordinal)
            && !node.ToString().StartsWith("Invariant.Holds", StringComparison.Ordinal))
        {
            Add(node, ";");
        }

        base.VisitExpressionStatement(node);
    }

    private static string[] Others(SyntaxKind kind) => kind switch
    {
        SyntaxKind.LessThanExpression => ["<=", ">="],
        SyntaxKind.LessThanOrEqualExpression => ["<", ">"],
        SyntaxKind.GreaterThanExpression => [">=", "<="],
        SyntaxKind.GreaterThanOrEqualExpression => [">", "<"],
        SyntaxKind.EqualsExpression => ["!="],
        SyntaxKind.NotEqualsExpression => ["=="],
        SyntaxKind.LogicalAndExpression => ["||"],
        SyntaxKind.LogicalOrExpression => ["&&"],
        SyntaxKind.AddExpression => ["-"],
        SyntaxKind.SubtractExpression => ["+"],
        SyntaxKind.MultiplyExpression => ["/"],
        SyntaxKind.LeftShiftExpression => [">>"],
        SyntaxKind.BitwiseAndExpression => ["|"],
        SyntaxKind.BitwiseOrExpression => ["&"],
        _ => [],
    };

    private void Condition(ExpressionSyntax condition)
    {
        Add(condition, "true");
        Add(condition, "false");
    }

    private void Add(SyntaxNodeOrToken what, string after)
    {
        string before = source[what.Span.Start..what.Span.End];
        int alike = _found.Count(other => other.Before == before && other.After == after);
        int line = what.GetLocation()!.GetLineSpan().StartLinePosition.Line + 1;
        _found.Add(new Mutation(file, what.Span, line, before, after, alike + 1));
    }
}
