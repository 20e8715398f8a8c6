using System.Globalization;

namespace GuestMemFs.Holding.Kernel;

/// <summary>Who has a file open, as far as <c>/proc</c> shows it to us.</summary>
internal static class Openers
{
    /// <summary>
    /// The first process that has it, other than this one where there is a choice; null where none can be seen.
    /// </summary>
    public static int? Find(string path)
    {
        int? self = null;
        foreach (OpenFile file in OpenFiles.OfAll().Where(file => file.Target == path))
        {
            if (file.ProcessId != Environment.ProcessId)
            {
                return file.ProcessId;
            }

            self = file.ProcessId;
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
}
