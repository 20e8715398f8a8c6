namespace GuestMemFs.Architecture;

/// <summary>
/// What breaks a rule and is listed: <c>listed/RULE.txt</c>, one a line; what follows <c>#</c> is the reason. A list
/// may only shrink: what is listed and no longer breaks the rule fails as well. With <c>GMF_RATCHET=write</c> in the
/// environment the list is written anew; reasons stay.
/// </summary>
internal static class Listed
{
    /// <summary>Compares what was found with what is listed.</summary>
    public static void Compare(string rule, IEnumerable<string> found)
    {
        string path = $"tests/Architecture.Tests/listed/{rule}.txt";
        var listed = Repository.Text(path).Split('\n').Select(line => line.Split('#')[0].Trim()).Where(line =>
            line.Length > 0).ToList();
        var all = found.Distinct().Order(StringComparer.Ordinal).ToList();

        if (Environment.GetEnvironmentVariable("GMF_RATCHET") == "write")
        {
            Write(Path.Combine(Repository.Root, path), all);
            listed = all;
        }

        string[] added = [.. all.Except(listed)];
        string[] gone = [.. listed.Except(all)];

        Assert.True(added.Length == 0, $"{rule}: {added.Length} new:\n{string.Join('\n', added)}");
        Assert.True(gone.Length == 0, $"{rule}: no longer so; take it out of {path}:\n{string.Join('\n', gone)}");
    }

    private static void Write(string path, List<string> found)
    {
        var reasons = File.ReadAllLines(path).Select(line => line.Split('#', 2)).Where(parts => parts.Length == 2)
            .ToDictionary(parts => parts[0].Trim(), parts => parts[1].Trim(), StringComparer.Ordinal);
        File.WriteAllLines(path,
            found.Select(line => reasons.TryGetValue(line, out string? reason) ? $"{line} # {reason}" : line));
    }
}
