using System.Globalization;

namespace GuestMemFs.Media;

/// <summary>What the kernel says of file locks: <c>/proc/locks</c>, see proc_locks(5).</summary>
internal static class LockTable
{
    private const string Place = "/proc/locks";

    /// <summary>Who has a <c>flock</c> on a file. Where a lock went over to another program by exec, or to children, it is who took it.</summary>
    public static int? Holder(uint deviceMajor, uint deviceMinor, ulong inode)
    {
        string file = string.Create(CultureInfo.InvariantCulture, $"{deviceMajor:x2}:{deviceMinor:x2}:{inode}");
        try
        {
            return Holder(File.ReadLines(Place), file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // It is for a message only.
        }
    }

    internal static int? Holder(IEnumerable<string> lines, string file)
    {
        foreach (string line in lines)
        {
            // 1: FLOCK  ADVISORY  WRITE 1234 00:1a:5678 0 EOF; who waits has "->" as the second word.
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length > 5 && words[1] == "FLOCK" && words[5] == file && int.TryParse(words[4], CultureInfo.InvariantCulture, out int process) && process > 0)
            {
                return process;
            }
        }

        return null;
    }
}
