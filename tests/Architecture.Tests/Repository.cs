using System.Runtime.CompilerServices;

namespace GuestMemFs.Architecture;

/// <summary>Finds the repository's files.</summary>
internal static class Repository
{
    /// <summary>The repository's root, which this source file was compiled in.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>C# sources below a folder, relative to the root, without what a build made.</summary>
    public static IEnumerable<string> Sources(string folder) => Files(folder, "*.cs");

    /// <summary>Files below a folder by pattern, relative to the root, without what a build made.</summary>
    public static IEnumerable<string> Files(string folder, string pattern) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), pattern, SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(Root, path))
            .Where(path => !path.Split('/').Any(IsMade))
            .Order(StringComparer.Ordinal);

    public static string Text(string path) => File.ReadAllText(Path.Combine(Root, path));

    private static bool IsMade(string folder) =>
        folder is "bin" or "obj" or "artifacts" or ".git" or "node_modules";

    private static string FindRoot([CallerFilePath] string source = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(source)!, "../.."));
}
