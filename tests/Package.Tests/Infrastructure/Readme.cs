namespace GuestMemFs.PackageTests.Infrastructure;

/// <summary>The programs in the README and the guide, each in a code block behind a marker.</summary>
internal static class Readme
{
    /// <summary>The code block behind <c>&lt;!-- sample: name --&gt;</c>.</summary>
    public static string Sample(string name, string page = "README.md")
    {
        string[] lines = File.ReadAllLines(Path.Combine(Repository.Root, page));
        int marker = Array.IndexOf(lines, $"<!-- sample: {name} -->");
        Assert.True(marker >= 0 && lines[marker + 1] == "```csharp",
            $"{page} has no code block behind the marker '{name}'.");
        return string.Join('\n', lines.Skip(marker + 2).TakeWhile(line => line != "```"));
    }
}
