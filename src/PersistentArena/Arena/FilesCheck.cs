namespace GuestMemFs.Arena;

/// <summary>
/// Looks whether an arena's files are still where the next process looks for them. Cheap: two descriptors and one path
/// are asked each time, and the files' names only where the directory has changed lately.
/// </summary>
/// <remarks>Used under the arena's lock.</remarks>
internal sealed class FilesCheck(Medium medium, MediumFile metadata)
{
    /// <summary>
    /// In milliseconds: times of files are coarse, so that a change right after a look may leave the time as it was.
    /// </summary>
    private const long Settled = 2000;

    private long _changedAt;
    private long _changeSeen;
    private bool _looked;
    private IReadOnlyList<string> _missing = [];

    /// <summary>What is gone; null where nothing is, or where the medium has no names that could go.</summary>
    public ArenaFilesLost? Look(IEnumerable<string> extents)
    {
        if (medium.LookAtDirectory() is not { } place)
        {
            return null;
        }

        long now = Environment.TickCount64;
        if (!_looked || place.Changed != _changedAt)
        {
            (_looked, _changedAt, _changeSeen) = (true, place.Changed, now);
        }

        if (now - _changeSeen <= Settled)
        {
            _missing = [.. extents.Prepend(metadata.Name).Where(name => !medium.HasFile(name))];
        }

        bool replaced = metadata.Links == 0 && !_missing.Contains(metadata.Name);
        IReadOnlyList<string> gone = replaced ? [metadata.Name, .. _missing] : _missing;
        return gone.Count > 0 || place.Gone ? new ArenaFilesLost(medium.Location, place.Gone, gone) : null;
    }
}
