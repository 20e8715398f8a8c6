namespace GuestMemFs.Architecture;

/// <summary>
/// The tables of rooms, as they stand in docs/architecture.md: one below each line
/// <c>&lt;!-- rooms: FOLDER --&gt;</c>. A room uses only the rooms above it.
/// </summary>
internal static class Rooms
{
    private const string Page = "docs/architecture.md";
    private const string Mark = "<!-- rooms: ";

    /// <summary>
    /// A project's rooms in their order; by the project's folder. Files in the project's own folder are the last room.
    /// </summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<string>> ByProject { get; } = Read();

    private static Dictionary<string, IReadOnlyList<string>> Read()
    {
        var tables = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        string[] lines = Repository.Text(Page).Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].StartsWith(Mark, StringComparison.Ordinal))
            {
                string project = lines[i][Mark.Length..].Split(' ')[0];
                tables[project] = [.. lines[(i + 1)..].SkipWhile(line => line.Length == 0).TakeWhile(line =>
                    line.StartsWith('|'))
                    .Select(RoomOf).OfType<string>().Select(room => $"{project}/{room}"), project];
            }
        }

        return tables;
    }

    // | `Native/` | what it does |
    private static string? RoomOf(string row)
    {
        string[] parts = row.Split('`');
        return parts.Length > 2 && parts[1].EndsWith('/') ? parts[1].TrimEnd('/') : null;
    }
}
