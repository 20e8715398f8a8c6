using System.Runtime.InteropServices;

namespace GuestMemFs.Holding.Native;

/// <summary>The user that this process acts as.</summary>
internal static partial class UserId
{
    public static uint Own { get; } = GetEUid();

    [LibraryImport("libc", EntryPoint = "geteuid", SetLastError = true)]
    private static partial uint GetEUid();
}
