using System.Runtime.CompilerServices;

namespace GuestMemFs.Support;

/// <summary>The sources that the tests were compiled from.</summary>
public static class Repository
{
    /// <summary>The folder with the solution.</summary>
    public static string Root { get; } = Path.GetFullPath(Path.Combine(ThisDirectory(), "..", ".."));

    /// <summary>A file or folder of it.</summary>
    public static string PathOf(params string[] parts) => Path.Combine([Root, .. parts]);

    private static string ThisDirectory([CallerFilePath] string here = "") => Path.GetDirectoryName(here)!;
}
