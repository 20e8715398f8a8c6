using System.Text.RegularExpressions;

namespace GuestMemFs.Mutants;

/// <summary>
/// A source as ScheduleLab compiles it, made here from a mutated one (<c>RewriteSources.cs</c> does it in the lab's
/// build, for all of them). That both do the same is looked at before the first mutant.
/// </summary>
internal sealed partial class Rewriter
{
    private readonly string _library;
    private readonly string _rewritten;
    private readonly string _head;
    private readonly List<(string File, string From, string To)> _blocks = [];

    private Rewriter(string root, string lab)
    {
        _library = Path.Combine(root, "src/PersistentArena/");
        _rewritten = Path.Combine(lab, "obj/rewritten/");
        string some = File.ReadAllText(Path.Combine(_rewritten, "Heap/Lane.cs"));
        _head = some[..some.IndexOf("\n#line 1 ", StringComparison.Ordinal)];
        List<string> faults = [];
        string rewrites = File.ReadAllText(Path.Combine(lab, "Rewrites.txt"));
        foreach (string block in BlockBegins().Split(rewrites).Skip(1))
        {
            string[] lines = block.TrimEnd('\n').Split('\n');
            string[] head = lines[0].Split(' ', 3);
            string to = Marked(lines, '+');
            if (head[0] == "fault")
            {
                if (!faults.Contains(head[1]))
                {
                    faults.Add(head[1]);
                }

                string isOn = $"(global::GuestMemFs.ScheduleLab.Seam.Seeded.Active == {faults.IndexOf(head[1]) + 1})";
                to = to.Replace("FAULT", isOn, StringComparison.Ordinal);
            }

            _blocks.Add((head[2].Trim(), Marked(lines, '-'), to));
        }
    }

    /// <summary>The one of a lab that rewrites; null for a lab that compiles the sources as they are.</summary>
    /// <exception cref="InvalidOperationException">It does not do what the lab's build does.</exception>
    public static Rewriter? Of(string root, string lab)
    {
        if (!Directory.Exists(Path.Combine(lab, "obj/rewritten")))
        {
            return null;
        }

        Rewriter rewriter = new(root, lab);
        foreach (string built in Directory.EnumerateFiles(rewriter._rewritten, "*.cs", SearchOption.AllDirectories)
            .Where(path => Path.GetFileName(path) != "Rewriting.cs"))
        {
            string file = Path.GetRelativePath(rewriter._rewritten, built);
            string source = File.ReadAllText(Path.Combine(rewriter._library, file));
            if (rewriter.Rewrite(file, source) != File.ReadAllText(built))
            {
                throw new InvalidOperationException(
                    $"{file} is rewritten otherwise than ScheduleLab's build does: is the lab's build up to date?");
            }
        }

        return rewriter;
    }

    /// <summary>The file that the lab compiles in place of a source; the source itself where it is not
    /// rewritten.</summary>
    public string CompiledFor(string source) =>
        Path.Combine(_rewritten, Path.GetRelativePath(_library, source)) is var path && File.Exists(path) ? path
            : source;

    /// <summary>What the lab would compile; null where one of the lab's changes has lost its place.</summary>
    public string? Rewrite(string file, string source)
    {
        string text = source;
        foreach ((string _, string from, string to) in _blocks.Where(block => block.File == file))
        {
            int at = text.IndexOf(from, StringComparison.Ordinal);
            if (at < 0 || text.IndexOf(from, at + 1, StringComparison.Ordinal) >= 0)
            {
                return null;
            }

            text = text[..at] + to + text[(at + from.Length)..];
        }

        string scoped = LockStatement().Replace(text, "using ($1.EnterScope())");
        return $"{_head}\n#line 1 \"{Path.Combine(_library, file)}\"\n{scoped}";
    }

    /// <summary>The name by which <see cref="Rewrite"/> knows a source.</summary>
    public string FileOf(string source) => Path.GetRelativePath(_library, source);

    private static string Marked(string[] lines, char mark) =>
        string.Join('\n', lines.Skip(1).Where(line => line.StartsWith(mark)).Select(line => line[1..]));

    [GeneratedRegex("^== ", RegexOptions.Multiline)]
    private static partial Regex BlockBegins();

    [GeneratedRegex(@"\block \(((?:this\.)?_?\w+)\)")]
    private static partial Regex LockStatement();
}
