using System.Runtime.CompilerServices;

namespace GuestMemFs.Format;

/// <summary>
/// The lab's guard, compiled in place of the library's: does the same, and can be told to let one place's damage
/// through, by which the damage sweep shows that it would notice.
/// </summary>
internal static class Guard
{
    [ThreadStatic]
    private static (string File, int Line)? t_off;

    [ThreadStatic]
    private static HashSet<(string File, int Line)>? t_places;

    /// <summary>The place whose checks all pass on this thread, or null.</summary>
    public static (string File, int Line)? Off
    {
        get => t_off;
        set => t_off = value;
    }

    /// <summary>Where set, collects the places that found something.</summary>
    public static HashSet<(string File, int Line)>? Places
    {
        get => t_places;
        set => t_places = value;
    }

    public static bool Holds(bool intact, [CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
    {
        if (intact)
        {
            return true;
        }

        t_places?.Add((file, line));
        return t_off is var (where, number) && line == number && file == where;
    }
}
