using System.Globalization;

namespace GuestMemFs.LiveUpdate.Luo;

/// <summary>Who has a file open, as far as <c>/proc</c> shows it to us.</summary>
internal static class Openers
{
    /// <summary>The first process that has it, other than this one where there is a choice; null where none can be seen.</summary>
    public static int? Find(string path)
    {
        int? self = null;
        foreach (string process in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(process), NumberStyles.None, CultureInfo.InvariantCulture, out int id) || !Has(process, path))
            {
                continue;
            }

            if (id != Environment.ProcessId)
            {
                return id;
            }

            self = id;
        }

        return self;
    }

    public static string? NameOf(int process)
    {
        try
        {
            return File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/comm")).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // It has ended meanwhile.
        }
    }

    private static bool Has(string process, string path)
    {
        try
        {
            return Directory.EnumerateFiles(process + "/fd").Any(file => new FileInfo(file).LinkTarget == path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // Ended meanwhile, or another user's.
        }
    }
}
