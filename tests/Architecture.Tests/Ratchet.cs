namespace GuestMemFs.Architecture;

/// <summary>
/// Counts that may only fall: <c>listed/RULE.txt</c> has a line <c>COUNT FILE</c> for each file that is over a measure.
/// With <c>GMF_RATCHET=write</c> in the environment the lists are written anew.
/// </summary>
internal static class Ratchet
{
    public static void Compare(string rule, IEnumerable<(string File, int Count)> counted)
    {
        string path = Path.Combine(Repository.Root, $"tests/Architecture.Tests/listed/{rule}.txt");
        var found = counted.Where(file => file.Count > 0).OrderBy(file => file.File, StringComparer.Ordinal).ToList();
        if (Environment.GetEnvironmentVariable("GMF_RATCHET") == "write")
        {
            File.WriteAllLines(path, found.Select(file => $"{file.Count} {file.File}"));
        }

        var allowed = File.ReadAllLines(path).Select(line => line.Split(' ', 2)).ToDictionary(parts => parts[1],
            parts => int.Parse(parts[0]), StringComparer.Ordinal);
        string[] risen = [.. found.Where(file => file.Count > allowed.GetValueOrDefault(file.File)).Select(file =>
            $"{file.File}: {file.Count}, was {allowed.GetValueOrDefault(file.File)}")];
        string[] fallen = [.. allowed.Where(file =>
            file.Value > found.FirstOrDefault(one => one.File == file.Key).Count).Select(file => file.Key)];

        Assert.True(risen.Length == 0, $"{rule}: more than before:\n{string.Join('\n', risen)}");
        Assert.True(fallen.Length == 0,
            $"{rule}: fewer than before; GMF_RATCHET=write notes it down:\n{string.Join('\n', fallen)}");
    }
}
