namespace GuestMemFs.Cli.Terminal;

/// <summary>What <c>gmfs</c> ends with. Stable: scripts ask for these. docs/gmfs.md says the same.</summary>
internal enum ExitCode
{
    /// <summary>Done, and nothing wrong was seen.</summary>
    Done = 0,

    /// <summary>Done, and problems were found (check, explain, repair).</summary>
    ProblemsFound = 1,

    /// <summary>The command line is wrong, or asks for what cannot be (a name, a size).</summary>
    Usage = 2,

    /// <summary>Refused: there is a writer, it is frozen, the name is taken, nobody said yes.</summary>
    Refused = 3,

    /// <summary>There is no such arena, region or file.</summary>
    NotFound = 4,

    /// <summary>What is there is damaged, and was not used.</summary>
    Damaged = 5,

    /// <summary>There is no room for it.</summary>
    NoRoom = 6,

    /// <summary>The medium or a file failed.</summary>
    Failed = 7,
}
