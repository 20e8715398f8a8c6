using System.Globalization;

namespace GuestMemFs.LiveUpdate.Luo;

/// <summary>A session that a process holds.</summary>
/// <param name="Name">Its name, as far as it fits a link's (about 50 characters).</param>
/// <param name="ProcessId">Who holds it.</param>
public readonly record struct HeldSession(string Name, int ProcessId);

/// <summary>Who holds which session, as far as <c>/proc</c> shows it to us: sessions end with their last holder, and nothing says so.</summary>
public static class LuoSessions
{
    private const string Link = "anon_inode:[luo_session] ";

    /// <summary>All that can be seen; to root, all there are.</summary>
    public static IReadOnlyList<HeldSession> Find()
    {
        var found = new List<HeldSession>();
        foreach (string process in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(process), NumberStyles.None, CultureInfo.InvariantCulture, out int id))
            {
                found.AddRange(Names(process).Select(name => new HeldSession(name, id)));
            }
        }

        return found;
    }

    private static string[] Names(string process)
    {
        try
        {
            return [.. Directory.EnumerateFiles(process + "/fd").Select(file => new FileInfo(file).LinkTarget ?? "").Where(link => link.StartsWith(Link, StringComparison.Ordinal)).Select(link => link[Link.Length..])];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return []; // Ended meanwhile, or another user's.
        }
    }
}
