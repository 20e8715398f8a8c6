using GuestMemFs.Arena;

namespace GuestMemFs.Inspection;

/// <summary>
/// Keeps writers out of an arena for as long as it is held, without being one: the lock alone, not one byte changed.
/// For what must read bytes that stand still.
/// </summary>
internal sealed class WriterExclusion : IDisposable
{
    private readonly IDisposable? _file;

    private WriterExclusion(IDisposable? file) => _file = file;

    /// <summary>
    /// Takes the lock of the arena's metadata; where no file is recognised as that, of the file with the metadata's
    /// name, which may be in use all the same. Where there is no such file either, there is nothing to lock.
    /// </summary>
    /// <exception cref="ArenaInUseException">A writer has it.</exception>
    public static WriterExclusion Take(Medium medium)
    {
        try
        {
            return Find(medium) is { } metadata ? Lock(metadata, medium) : LockByName(medium);
        }
        catch (Exception e) when (e is ForeignFileException or ArenaAmbiguousException)
        {
            return LockByName(medium);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file?.Dispose();

    private static MetadataFile? Find(Medium medium)
    {
        MetadataFile? file =
            MetadataLocator.Find(medium, writable: false, expected: null, [], out MetadataFile? unfinished);
        unfinished?.Dispose();
        return file;
    }

    private static WriterExclusion Lock(MetadataFile file, Medium medium)
    {
        try
        {
            WriterLock.Lock(file, medium.Location);
            return new WriterExclusion(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static WriterExclusion LockByName(Medium medium)
    {
        if (medium.TryOpenFile(ExtentFiles.MetadataName, writable: false) is not { } file)
        {
            return new WriterExclusion(null);
        }

        if (!file.TryLock())
        {
            file.Dispose();
            throw new ArenaInUseException(medium.Location, null, null);
        }

        return new WriterExclusion(file);
    }
}
