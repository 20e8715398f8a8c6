namespace GuestMemFs.Regions;

/// <summary>
/// Keeps writers out of an arena for as long as it is held, without being one: the lock alone, not one byte changed. For who must read what stands still.
/// </summary>
internal sealed class WriterExclusion : IDisposable
{
    private readonly IDisposable _file;

    private WriterExclusion(IDisposable file) => _file = file;

    /// <summary>Takes the lock.</summary>
    /// <exception cref="ArenaInUseException">A writer has it.</exception>
    /// <exception cref="ArenaNotFoundException">There is no arena.</exception>
    public static WriterExclusion Take(Medium medium)
    {
        MetadataFile file = MetadataLocator.Find(medium, writable: false, expected: null, [], out MetadataFile? unfinished)
            ?? throw new ArenaNotFoundException(medium.Location, "no file is an arena's metadata");
        unfinished?.Dispose();
        try
        {
            Lease.Lock(file, medium.Location);
            return new WriterExclusion(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Takes the lock of whatever has the metadata file's name, though its bytes be no arena's.</summary>
    /// <exception cref="ArenaInUseException">Somebody has it.</exception>
    /// <returns>Null where there is no file of that name.</returns>
    public static WriterExclusion? TakeByName(Medium medium)
    {
        if (medium.TryOpenFile(ExtentFiles.MetadataName, writable: false) is not { } file)
        {
            return null;
        }

        if (!file.TryLock())
        {
            file.Dispose();
            throw new ArenaInUseException(medium.Location, null, null);
        }

        return new WriterExclusion(file);
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
