using System.Globalization;

namespace GuestMemFs.Media;

/// <summary>
/// What the kernel says of file locks: <c>/proc/locks</c> and <c>/proc/PID/fdinfo</c>, see proc_locks(5),
/// proc_pid_fdinfo(5).
/// </summary>
internal static class LockTable
{
    private const string Place = "/proc/locks";
    private const string OfDescriptor = "lock:"; // in /proc/PID/fdinfo/N, before what the table says

    /// <summary>
    /// Who has a <c>flock</c> on a file. The lock is the open file's: the kernel's table names who took it, and where
    /// that process is gone, the lock is whose that has the file from it, by fork or in a message; such a process is
    /// looked for, as far as <c>/proc</c> shows it to us.
    /// </summary>
    public static int? Holder(uint deviceMajor, uint deviceMinor, ulong inode)
    {
        string file = string.Create(CultureInfo.InvariantCulture, $"{deviceMajor:x2}:{deviceMinor:x2}:{inode}");
        int? taker = Holder(Lines(Place), file);
        return taker is { } process && Directory.Exists(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}"))
            ? taker : FindInheritor(file);
    }

    internal static int? Holder(IEnumerable<string> lines, string file)
    {
        foreach (string line in lines)
        {
            // 1: FLOCK  ADVISORY  WRITE 1234 00:1a:5678 0 EOF; who waits has "->" as the second word.
            string[] words = Words(line);
            if (IsFlock(words, file) && int.TryParse(words[4], CultureInfo.InvariantCulture, out int process)
                && process > 0)
            {
                return process;
            }
        }

        return null;
    }

    private static int? FindInheritor(string file)
    {
        foreach (string folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out int process)
                && Files(Path.Combine(folder, "fdinfo")).Any(descriptor =>
                    Lines(descriptor).Any(line => line.StartsWith(OfDescriptor, StringComparison.Ordinal)
                        && IsFlock(Words(line[OfDescriptor.Length..]), file))))
            {
                return process;
            }
        }

        return null;
    }

    private static string[] Words(string line) =>
        line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);

    private static bool IsFlock(string[] words, string file) =>
        words.Length > 5 && words[1] == "FLOCK" && words[5] == file;

    private static string[] Lines(string file) => Read(() => File.ReadAllLines(file));

    private static string[] Files(string folder) => Read(() => Directory.GetFiles(folder));

    private static string[] Read(Func<string[]> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return []; // Closed or ended meanwhile, or another user's. It is for a message only.
        }
    }
}
