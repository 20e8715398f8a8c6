using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace GuestMemFs.Mutants;

/// <summary>
/// One build of a project with all mutants in it that can stand behind a switch. Those that the compiler refuses are
/// taken out, until it accepts the rest.
/// </summary>
internal sealed class SwitchedBuild(string root, Project project, HashSet<int> refused)
{
    private const int MostRounds = 30;
    private const string Library = "src/PersistentArena";

    /// <summary>The numbers of the mutants that are in the build.</summary>
    public HashSet<int> Switched { get; } = [];

    /// <summary>Makes the assembly.</summary>
    public void Make(IReadOnlyList<Mutation> all, string output)
    {
        var files = all.Index().GroupBy(one => one.Item.File).ToDictionary(
            file => Path.Combine(root, file.Key), file => file.ToArray(), StringComparer.Ordinal);
        var sources = project.Compilation.SyntaxTrees.Select(tree => (Tree: tree, Original: OriginalOf(tree.FilePath)))
            .Where(one => one.Original is not null && files.ContainsKey(one.Original)).Select(one =>
            {
                string source = one.Tree.GetText().ToString();
                return (one.Tree, Source: source, Mutants: Found(one.Original!, source, files[one.Original!]));
            }).ToList();
        for (int round = 0; round < MostRounds; round++)
        {
            Switched.Clear();
            CSharpCompilation compilation = project.Compilation.AddSyntaxTrees(
                CSharpSyntaxTree.ParseText(
                SwitchSource.Text, project.ParseOptions, "Mutant.cs", System.Text.Encoding.UTF8));
            foreach (var (tree, source, mutants) in sources)
            {
                SwitchedFile file = new(project.Compilation.GetSemanticModel(tree));
                string text = file.Switch(source, [.. mutants.Where(one => !refused.Contains(one.Number))], Switched);
                compilation = compilation.ReplaceSyntaxTree(tree, CSharpSyntaxTree.ParseText(
                    text, project.ParseOptions, tree.FilePath, System.Text.Encoding.UTF8));
            }

            if (project.TryEmit(compilation, output, out ImmutableArray<Diagnostic> errors))
            {
                return;
            }

            int before = refused.Count;
            refused.UnionWith(errors.SelectMany(Refusal.Of));
            if (refused.Count == before)
            {
                throw new InvalidOperationException($"No mutant is to blame for {errors[0]}");
            }
        }

        throw new InvalidOperationException($"The compiler still refuses mutants after {MostRounds} rounds.");
    }

    // A lab may compile a source that was rewritten: what stands on lines that are the same is the same mutant.
    private (int Number, Mutation Mutation)[] Found(
        string original, string compiled, (int Number, Mutation Mutation)[] known)
    {
        string source = File.ReadAllText(original);
        LineMap lines = new(source, compiled);
        var byPlace = known.ToDictionary(one => (one.Mutation.Span.Start, one.Mutation.Before, one.Mutation.After),
            one => one.Number);
        string file = Path.GetRelativePath(root, original);
        return [.. from mutation in Mutator.Find(file, compiled)
            let at = lines.Before(mutation.Span.Start)
            where at is not null && byPlace.ContainsKey((at.Value, mutation.Before, mutation.After))
            select (byPlace[(at.Value, mutation.Before, mutation.After)], mutation)];
    }

    private string? OriginalOf(string path)
    {
        const string Rewritten = "/obj/rewritten/";
        int at = path.IndexOf(Rewritten, StringComparison.Ordinal);
        return at < 0 ? Path.GetFullPath(path)
            : Path.Combine(root, Library, path[(at + Rewritten.Length)..]);
    }
}
