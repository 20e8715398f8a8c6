using System.Text.RegularExpressions;

namespace GuestMemFs.Architecture;

/// <summary>The stores that make something true, and the pages that tell of them (docs/internals).</summary>
public sealed partial class CommitPointTests
{
    private const string Page = "docs/internals/commit-points.md";

    [Fact]
    public void Each_commit_point_of_the_sources_has_its_section()
    {
        string[] marked = [.. Marks().Select(mark => $"{mark.Name} in {mark.File}").Order(StringComparer.Ordinal)];
        string[] told =
            [.. Sections().Select(section => $"{section.Name} in {section.File}").Order(StringComparer.Ordinal)];

        Assert.Equal(marked, told);
        Assert.Equal(marked.Length, marked.Distinct().Count());
    }

    [Fact]
    public void A_section_has_its_method_and_its_picture()
    {
        foreach ((string name, string file, string method, string text) in Sections())
        {
            Assert.True(Declares(file, method), $"{name}: {file} has no method {method}");
            foreach (string part in (string[])["    before ", "    store ", "    after "])
            {
                Assert.True(text.Contains("\n" + part, StringComparison.Ordinal), $"{name}: no line '{part.Trim()}'");
            }
        }
    }

    [Fact]
    public void A_mark_stands_on_the_line_of_a_store()
    {
        Assert.All(Marks(), mark => Assert.Matches(StoreOrCall(), mark.Line));
    }

    [Fact]
    public void Each_hop_of_a_way_is_in_the_sources()
    {
        int hops = 0;
        foreach (string page in Repository.Files("docs/internals", "*.md"))
        {
            foreach (Match hop in Hop().Matches(Repository.Text(page)))
            {
                hops++;
                string[] parts = [hop.Groups["file"].Value, hop.Groups["method"].Value];
                Assert.True(Declares(parts[0], parts[1]), $"{page}: {parts[0]} has no method {parts[1]}");
            }
        }

        Assert.True(hops > 30, $"only {hops} hops");
    }

    private static IEnumerable<(string Name, string File, string Line)> Marks() =>
        from path in Repository.Sources("src").Concat(Repository.Sources("samples"))
        from line in Repository.Text(path).Split('\n')
        let mark = Mark().Match(line)
        where mark.Success
        select (mark.Groups["name"].Value, Path.GetFileName(path), line);

    private static IEnumerable<(string Name, string File, string Method, string Text)> Sections() =>
        from section in Repository.Text(Page).Split("\n### ").Skip(1)
        let head = Head().Match(section)
        select (section[..section.IndexOf('\n', StringComparison.Ordinal)], head.Groups["file"].Value,
            head.Groups["method"].Value, section);

    private static bool Declares(string file, string method) =>
        Repository.Sources("src").Concat(Repository.Sources("samples"))
            .Where(path => Path.GetFileName(path) == file)
            .Any(path => Regex.IsMatch(
                Repository.Text(path),
                $@"^ +[^/\n=]*[\w>?\]*] {Regex.Escape(method)}(<[^>]+>)?\(",
                RegexOptions.Multiline));

    [GeneratedRegex(@"// COMMIT POINT: (?<name>.+)$")]
    private static partial Regex Mark();

    [GeneratedRegex(@"\n`(?<file>\w[\w.]*\.cs)`, `(?<method>\w+)`")]
    private static partial Regex Head();

    /// <summary>A hop: a file and a method, as <c>`File.cs`: `Method`</c>.</summary>
    [GeneratedRegex(@"`(?<file>\w[\w.]*\.cs)`: `(?<method>\w+)`")]
    private static partial Regex Hop();

    [GeneratedRegex(@"Persist\.Publish\(|SetState\(|Volatile\.Write\(|position\.Set\(|Root\.Set\(|_group\.Commit\(")]
    private static partial Regex StoreOrCall();
}
