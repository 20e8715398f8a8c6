using System.Globalization;

namespace GuestMemFs.Holding.Kernel;

/// <summary>A file that a process has open.</summary>
/// <param name="ProcessId">The process.</param>
/// <param name="Path">By which it can be opened anew: <c>/proc/PID/fd/N</c>.</param>
/// <param name="Target">What it is, as the kernel calls it; empty where it was closed meanwhile.</param>
internal readonly record struct OpenFile(int ProcessId, string Path, string Target);

/// <summary>What processes have open, as <c>/proc</c> shows it to us: to root, all; else, our own user's.</summary>
internal static class OpenFiles
{
    /// <summary>Of every process that can be looked into.</summary>
    public static IEnumerable<OpenFile> OfAll()
    {
        foreach (string folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture,
                out int process))
            {
                continue;
            }

            foreach (OpenFile file in OfSome(process))
            {
                yield return file;
            }
        }
    }

    /// <summary>Of one process.</summary>
    /// <exception cref="IOException">There is no such process.</exception>
    /// <exception cref="UnauthorizedAccessException">It is another user's.</exception>
    public static IReadOnlyList<OpenFile> Of(int process) =>
        [.. Directory.EnumerateFiles(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/fd")).Select(path =>
            new OpenFile(process, path, new FileInfo(path).LinkTarget ?? ""))];

    private static IReadOnlyList<OpenFile> OfSome(int process)
    {
        try
        {
            return Of(process);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return []; // Ended meanwhile, or another user's.
        }
    }
}
