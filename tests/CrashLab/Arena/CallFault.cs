using System.Diagnostics;

namespace GuestMemFs.CrashLab;

/// <summary>
/// A deliberate fault of another kind: a call to the medium that the library forgets (to unlink what it rolls back, to
/// let go of the lock, to flush). Found by the call and the library's class that makes it, which the stack tells.
/// </summary>
internal static class CallFault
{
    [ThreadStatic]
    private static HashSet<string>? t_places;

    /// <summary>The place that forgets its call ("delete by Recovery"), or null.</summary>
    [field: ThreadStatic]
    public static string? Active { get; set; }

    /// <summary>Where set, gathers the places.</summary>
    public static HashSet<string>? Places
    {
        get => t_places;
        set => t_places = value;
    }

    /// <summary>How often it struck.</summary>
    [field: ThreadStatic]
    public static int Strikes { get; set; }

    public static bool Drops(string call)
    {
        if (t_places is null && Active is null)
        {
            return false;
        }

        string place = call == "delete" ? $"{call} by {Caller()}" : call;
        t_places?.Add(place);
        if (place != Active)
        {
            return false;
        }

        Strikes++;
        return true;
    }

    private static string Caller()
    {
        foreach (StackFrame frame in new StackTrace(2, fNeedFileInfo: false).GetFrames())
        {
            if (frame.GetMethod() is { DeclaringType: { } type }
                && type.Namespace is not ("GuestMemFs.CrashLab" or null)
                && type.Namespace.StartsWith("GuestMemFs", StringComparison.Ordinal)
                && type != typeof(MediumFile) && type != typeof(Medium))
            {
                return type.Name;
            }
        }

        return "nobody";
    }
}
