using GuestMemFs.Holding.Kernel;

namespace GuestMemFs.Holding;

/// <summary>
/// Who holds which session, as far as <c>/proc</c> shows it to us: sessions end with their last holder, and nothing
/// says so.
/// </summary>
public static class LuoSessions
{
    private const string Link = "anon_inode:[luo_session] ";

    /// <summary>All that can be seen; to root, all there are.</summary>
    public static IReadOnlyList<HeldSession> Find() =>
        [.. OpenFiles.OfAll().Where(file => file.Target.StartsWith(Link, StringComparison.Ordinal)).Select(file =>
            new HeldSession(file.Target[Link.Length..], file.ProcessId))];
}
