using System.Runtime.CompilerServices;

namespace GuestMemFs.PackageTests.Infrastructure;

/// <summary>The sources that these tests were compiled from.</summary>
internal static class Repository
{
    private static readonly string[] s_files =
    [
        "Directory.Build.props", "Directory.Packages.props", "BannedSymbols.txt", "BannedSyntaxes.txt", ".editorconfig",
        "global.json", "README.md", "CHANGELOG.md",
        Path.Combine("build", "NativeProgram.props"), Path.Combine("build", "NativeProgram.targets"),
    ];

    public static string Root { get; } = Path.GetFullPath(Path.Combine(ThisDirectory(), "..", "..", ".."));

    /// <summary>
    /// Copies what the packages are built from, and nothing that a build left there, to a directory without git.
    /// </summary>
    public static void CopySources(string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in s_files)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(to, file))!);
            File.Copy(Path.Combine(Root, file), Path.Combine(to, file));
        }

        string[] built = [$"{Path.DirectorySeparatorChar}bin{Path.DirectorySeparatorChar}",
            $"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}"];
        foreach (string file in Directory.EnumerateFiles(Path.Combine(Root, "src"), "*", SearchOption.AllDirectories))
        {
            string relative = Path.GetRelativePath(Root, file);
            if (!built.Any(b => relative.Contains(b, StringComparison.Ordinal)))
            {
                string target = Path.Combine(to, relative);
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Copy(file, target);
            }
        }
    }

    private static string ThisDirectory([CallerFilePath] string here = "") => Path.GetDirectoryName(here)!;
}
