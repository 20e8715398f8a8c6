namespace GuestMemFs.Regions;

/// <summary>
/// Keeps writers out of an arena for as long as it is held, without being one: the lock alone, not one byte changed. For who must read what stands still.
/// </summary>
internal sealed class WriterExclusion : IDisposable
{
    private readonly MetadataFile _file;

    private WriterExclusion(MetadataFile file) => _file = file;

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

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
