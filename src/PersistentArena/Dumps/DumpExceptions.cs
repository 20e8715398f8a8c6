using System.Globalization;

namespace GuestMemFs;

/// <summary>A file is no dump, or not the whole of one, or its bytes are not what was written.</summary>
public sealed class DumpDamagedException : ArenaException
{
    internal DumpDamagedException(string file, string detail)
        : base(ReasonCodes.DumpDamaged, $"'{file}' {detail} Nothing was restored. Take another dump.") => File = file;

    /// <summary>The file.</summary>
    public string File { get; }
}

/// <summary>A dump was written by a newer library.</summary>
public sealed class DumpFormatException : ArenaException
{
    internal DumpFormatException(string file, uint version, uint newest)
        : base(ReasonCodes.DumpFormat, string.Create(CultureInfo.InvariantCulture, $"'{file}' is a dump of version " +
            $"{version}; this library reads up to {newest}. Update GuestMemFs.Cli and the library."))
    {
        File = file;
        Version = version;
    }

    /// <summary>The file.</summary>
    public string File { get; }

    /// <summary>Its version.</summary>
    public uint Version { get; }
}

/// <summary>There is a file where the dump was to be.</summary>
public sealed class DumpExistsException : ArenaException
{
    internal DumpExistsException(string file)
        : base(ReasonCodes.DumpExists, $"'{file}' is there already. Take another name, or say that it is to be " +
            "replaced (DumpOptions.Overwrite, --force).") => File = file;

    /// <summary>The file.</summary>
    public string File { get; }
}

/// <summary>A dump's file, or a place of several, is being written by another process or thread.</summary>
public sealed class DumpInUseException : ArenaException
{
    internal DumpInUseException(string file)
        : base(ReasonCodes.DumpInUse, $"'{file}' is being written by another process or thread. Nothing was changed. " +
            "Wait for that one's end, or give each writer a name of its own.") => File = file;

    /// <summary>The file.</summary>
    public string File { get; }
}

/// <summary>A heap could not be copied while its writers wait for no longer than they may.</summary>
public sealed class DumpPauseException : ArenaException
{
    internal DumpPauseException(string region, TimeSpan expected, TimeSpan allowed, string reason)
        : base(ReasonCodes.DumpPause, string.Create(CultureInfo.InvariantCulture,
            $"Copying the heap in region '{region}' would keep its writers waiting for about " +
            $"{expected.TotalMilliseconds:F0} ms, and {allowed.TotalMilliseconds:F0} ms are allowed: {reason}. No " +
            $"dump was made. Allow more (DumpOptions.MaximumPause), or take it when less is written."))
    {
        Region = region;
        Expected = expected;
        Allowed = allowed;
    }

    /// <summary>The region.</summary>
    public string Region { get; }

    /// <summary>How long writers would wait.</summary>
    public TimeSpan Expected { get; }

    /// <summary>How long they may.</summary>
    public TimeSpan Allowed { get; }
}

/// <summary>A heap is being dumped already.</summary>
public sealed class DumpUnderWayException : ArenaException
{
    internal DumpUnderWayException(string region)
        : base(ReasonCodes.DumpUnderWay, $"The heap in region '{region}' is being dumped already. Wait for that " +
            "one's end.") => Region = region;

    /// <summary>The region.</summary>
    public string Region { get; }
}

/// <summary>
/// A command that stores or fetches copies could not be started, failed, took too long, or gave back other bytes.
/// </summary>
public sealed class BackupCommandException : ArenaException
{
    internal BackupCommandException(string program, string detail, string? said, int? exitCode = null)
        : base(ReasonCodes.BackupCommand, $"'{program}' {detail} " +
            (string.IsNullOrEmpty(said) ? "" : $"It said: {said} ") + "The copies that lie in files are as " +
            "they were. Run the command by hand, with a file in place of the store.")
    {
        Program = program;
        ExitCode = exitCode;
    }

    /// <summary>The program. Its arguments are left out: they may hold what is secret.</summary>
    public string Program { get; }

    /// <summary>What it ended with, where it ended by itself or was killed by another.</summary>
    public int? ExitCode { get; }
}
