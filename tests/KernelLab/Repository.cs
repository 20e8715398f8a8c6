using System.Runtime.CompilerServices;

namespace GuestMemFs.KernelLab;

/// <summary>The sources that these tests were compiled from.</summary>
internal static class Repository
{
    public static string Root { get; } = Path.GetFullPath(Path.Combine(ThisDirectory(), "..", ".."));

    /// <summary>A file or folder of it.</summary>
    public static string PathOf(params string[] parts) => Path.Combine([Root, .. parts]);

    private static string ThisDirectory([CallerFilePath] string here = "") => Path.GetDirectoryName(here)!;
}
