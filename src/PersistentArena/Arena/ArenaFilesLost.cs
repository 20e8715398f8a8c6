using System.Globalization;

namespace GuestMemFs;

/// <summary>
/// Files of an open arena that are not in their place any more: somebody removed or moved them. What is mapped lives as
/// long as its process, and a process that starts finds nothing of it.
/// </summary>
public sealed record ArenaFilesLost
{
    private const int Named = 5;

    internal ArenaFilesLost(string location, bool isDirectoryGone, IReadOnlyList<string> files)
    {
        Location = location;
        IsDirectoryGone = isDirectoryGone;
        Files = files;
    }

    /// <summary>Always <see cref="ReasonCodes.FilesLost"/>.</summary>
    public string ReasonCode { get; } = ReasonCodes.FilesLost;

    /// <summary>Where they were.</summary>
    public string Location { get; }

    /// <summary>True where the path does not lead to the arena's directory any more.</summary>
    public bool IsDirectoryGone { get; }

    /// <summary>The names of those that are gone.</summary>
    public IReadOnlyList<string> Files { get; }

    /// <inheritdoc/>
    public override string ToString()
    {
        string names = string.Join(", ", Files.Take(Named)) + (Files.Count > Named ? ", ..." : "");
        string what = (IsDirectoryGone, Files.Count) switch
        {
            (true, 0) => "the directory was moved, or something was mounted over it",
            (true, _) => "the directory was removed",
            _ => string.Create(CultureInfo.InvariantCulture, $"{Files.Count} files were removed ({names})"),
        };
        return $"{ReasonCode} The files of the arena in {Location} are not there any more: {what}. This process " +
            $"goes on in memory, and the next one finds nothing. While it lives, 'gmfs rescue' copies them into " +
            $"another directory.";
    }
}
