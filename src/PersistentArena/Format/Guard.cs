using System.Runtime.CompilerServices;

namespace GuestMemFs.Format;

/// <summary>
/// A check of bytes that may be damaged. It is the condition itself, and costs nothing more; the crash lab compiles a
/// guard of its own in this file's place, which can switch each check off and must then see what the check is for.
/// </summary>
internal static class Guard
{
    /// <summary>True where the bytes are as they should be.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Holds(bool intact) => intact;
}
