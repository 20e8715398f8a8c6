namespace GuestMemFs.KernelLab.Image;

/// <summary>
/// The programs of the machines, published as users get them: native, or, where this machine has no linker, for the
/// .NET runtime. An emulated processor takes seconds to start the runtime, and a scenario starts dozens of programs.
/// </summary>
internal static class GuestPrograms
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(20);

    private static readonly (string Name, string[] Project)[] s_all =
    [
        ("KernelLab.Guest", ["tests", "KernelLab.Guest"]), ("KvStore", ["samples", "KvStore"]),
        ("gmfs", ["src", "Cli"]),
    ];

    /// <summary>Each is an executable file of this name, native or not.</summary>
    public static IEnumerable<string> Names => s_all.Select(program => program.Name);

    /// <summary>
    /// Publishes all of them into a folder. Where one is not native, the list of times says why.
    /// </summary>
    public static void Publish(string folder)
    {
        foreach ((_, string[] project) in s_all)
        {
            string said = Tool.Run(s_limit, "dotnet", "publish", Repository.PathOf(project), "-c", "Release", "-o",
                folder, "-v", "minimal", "-nologo", "-p:UseSharedCompilation=false");
            foreach (string line in said.Split('\n').Where(line =>
                line.Contains("no native program", StringComparison.Ordinal)))
            {
                LabTimes.Note(line.Trim());
            }
        }

        foreach (string symbols in Directory.EnumerateFiles(folder, "*.dbg"))
        {
            File.Delete(symbols); // of no use without a debugger
        }
    }

    /// <summary>False where they want the .NET runtime.</summary>
    public static bool AreNative(string folder) =>
        !Names.Any(name => File.Exists(Path.Combine(folder, $"{name}.dll")));
}
