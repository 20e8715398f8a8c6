namespace GuestMemFs;

/// <summary>What kind of failure a medium met.</summary>
public enum MediumErrorKind
{
    /// <summary>Anything without a kind of its own; see the errno.</summary>
    Other,

    /// <summary>The medium is not there (any more), or is not what it was taken for.</summary>
    Missing,

    /// <summary>The name is taken.</summary>
    Exists,

    /// <summary>No room.</summary>
    NoSpace,

    /// <summary>Not permitted.</summary>
    Denied,

    /// <summary>The medium cannot do that.</summary>
    NotSupported,

    /// <summary>Not now: the medium is frozen (serialised for a kexec), or somebody holds it.</summary>
    Busy,

    /// <summary>Not any more: the medium's memory is marked to be kept over a kexec as it is.</summary>
    Preserved,
}

/// <summary>A medium's failure: operation, path, errno, and what it means.</summary>
public sealed class MediumException : IOException
{
    /// <summary>Makes one.</summary>
    public MediumException(MediumErrorKind kind, string operation, string path, int errno, string message)
        : base(message)
    {
        Kind = kind;
        Operation = operation;
        Path = path;
        Errno = errno;
    }

    /// <summary>The kind.</summary>
    public MediumErrorKind Kind { get; }

    /// <summary>The system call or step that failed.</summary>
    public string Operation { get; }

    /// <summary>The path it was about.</summary>
    public string Path { get; }

    /// <summary>The errno, or 0 where none was set.</summary>
    public int Errno { get; }
}
