namespace GuestMemFs.Dumps;

/// <summary>
/// A dump's file: written beside the one that is meant, whose name it takes when every byte is on the disk.
/// </summary>
internal static class DumpFile
{
    private const string Partial = ".partial";

    /// <summary>Writes it.</summary>
    /// <exception cref="DumpExistsException">It is there, and not to be replaced.</exception>
    /// <exception cref="DumpInUseException">Another process or thread writes it.</exception>
    /// <exception cref="UntrustedOwnerException">Another user could change its directory.</exception>
    public static T Write<T>(string path, bool overwrite, Func<Stream, T> write)
    {
        if (!overwrite && File.Exists(path))
        {
            throw new DumpExistsException(path);
        }

        string partial = path + Partial;
        using ClaimedFile claim = ClaimedFile.TryTake(partial) ?? throw new DumpInUseException(path);
        try
        {
            T result = write(claim.Stream);
            claim.Stream.Flush(flushToDisk: true);
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
}
