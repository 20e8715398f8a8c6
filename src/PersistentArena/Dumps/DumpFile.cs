namespace GuestMemFs.Dumps;

/// <summary>
/// A dump's file: written beside the one that is meant, whose name it takes when every byte is on the disk.
/// </summary>
internal static class DumpFile
{
    private const string Partial = ".partial";

    /// <summary>Writes it.</summary>
    /// <exception cref="DumpExistsException">It is there, and not to be replaced.</exception>
    /// <exception cref="UntrustedOwnerException">Another user could change its directory.</exception>
    public static T Write<T>(string path, bool overwrite, Func<Stream, T> write)
    {
        if (!overwrite && File.Exists(path))
        {
            throw new DumpExistsException(path);
        }

        PathTrust.Own.RequireDirectoryOf(path);
        string partial = path + Partial;
        File.Delete(partial); // what a killed one left; and nobody else's link is followed
        try
        {
            T result;
            using (FileStream file = new(partial, ForItsOwner()))
            {
                result = write(file);
                file.Flush(flushToDisk: true);
            }

            File.Move(partial, path, overwrite);
            return result;
        }
        catch (ArgumentOutOfRangeException e)
        {
            File.Delete(partial); // What the runtime makes of EFBIG.
            throw new IOException($"'{path}' would be longer than a file may be here ({e.Message}). Nothing is left " +
                "of it. Raise the limit (ulimit -f unlimited), or write to another filesystem.", e);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    private static FileStreamOptions ForItsOwner()
    {
        FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        return options;
    }
}
