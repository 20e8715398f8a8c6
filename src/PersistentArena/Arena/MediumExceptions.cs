using GuestMemFs.Native;

namespace GuestMemFs;

/// <summary>The medium vanished or failed under the arena.</summary>
public sealed class ArenaMediumException : ArenaException
{
    internal ArenaMediumException(string location, MediumException inner)
        : base(
            ReasonCodes.MediumFailed,
            $"The medium of the arena in {location} failed: {inner.Message} Nothing was changed." +
            (inner.Errno == Native.Errno.EFBIG ? "" :
                " Check that it is mounted and reachable, then open the arena again."),
            inner)
    {
        Location = location;
        Kind = inner.Kind;
        Errno = inner.Errno;
    }

    /// <summary>Where it is, or was.</summary>
    public string Location { get; }

    /// <summary>What the medium said.</summary>
    public MediumErrorKind Kind { get; }

    /// <summary>The errno, 0 where none was set.</summary>
    public int Errno { get; }
}

/// <summary>
/// The arena's memory is marked to be kept over a kexec: it can be written, and nothing can be added to it.
/// </summary>
public sealed class ArenaPreservedException : ArenaException
{
    internal ArenaPreservedException(string location, MediumException inner)
        : base(ReasonCodes.ArenaPreserved,
            $"The arena in {location} cannot grow now: {inner.Message} Nothing was changed.", inner) =>
                Location = location;

    /// <summary>Where it is.</summary>
    public string Location { get; }
}
