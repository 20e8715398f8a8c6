using Microsoft.Extensions.Logging;

namespace GuestMemFs;

/// <summary>How an arena is opened or created.</summary>
public sealed class ArenaOptions
{
    /// <summary>
    /// What an arena's metadata takes unless told otherwise: 8 MiB, enough for more than 10,000 regions.
    /// </summary>
    public const long DefaultMetadataSize = 8L << 20;

    /// <summary>
    /// The arena's directory. Null takes the best medium that is really there, and a directory of this
    /// <see cref="Name"/> in it where it has directories.
    /// </summary>
    public string? Directory { get; set; }

    /// <summary>
    /// The medium itself, in place of <see cref="Directory"/>. It stays the caller's, unless <see cref="OwnsMedium"/>.
    /// </summary>
    public Medium? Medium { get; set; }

    /// <summary>
    /// Whose <see cref="Directory"/> and files these may be: root's and this process's user's where nothing is said.
    /// </summary>
    public PathTrust Trust { get; set; } = PathTrust.Own;

    /// <summary>
    /// Who else may read the arena: nobody, by default. A writer's open makes it so, of what is there already too; a
    /// killed one's next open does. Of a directory that holds this arena alone; the default directory's parent is
    /// closed to others. Of no effect for a reader.
    /// </summary>
    public ArenaSharing Sharing { get; set; } = ArenaSharing.None;

    /// <summary>The arena disposes of <see cref="Medium"/> when it is disposed of, or could not be opened.</summary>
    public bool OwnsMedium { get; set; }

    /// <summary>The arena's name, for people and for the default directory.</summary>
    public string Name { get; set; } = "default";

    /// <summary>Whether to be the one writer or one of any number of readers.</summary>
    public ArenaAccess Access { get; set; } = ArenaAccess.ReadWrite;

    /// <summary>
    /// Size of a new arena's metadata, in bytes: 1 MiB to 1 GiB, rounded up to what the medium gives. It cannot grow
    /// later.
    /// </summary>
    public long MetadataSize { get; set; } = DefaultMetadataSize;

    /// <summary>
    /// The arena that is meant: one with another id is refused. Needed only where several arenas' files may lie in one
    /// place.
    /// </summary>
    public Guid? ArenaId { get; set; }

    /// <summary>
    /// How long a writer waits for the one before it to end, where the arena has one; zero (the default) does not wait.
    /// It attaches the moment the other's lock goes. What <see cref="ArenaInUseException"/> says comes after that time.
    /// </summary>
    public TimeSpan WaitForWriter { get; set; }

    /// <summary>
    /// Keeps the memory of open regions out of swap: what was touched stays (mlock2). Where the process may not lock so
    /// much, opening and growing a region are refused with <see cref="ArenaMediumException"/>. A process that ends lets
    /// go: what tmpfs holds may be swapped until the next one maps it.
    /// </summary>
    public bool LockMemory { get; set; }

    /// <summary>What is done about an arena whose writers end early, one after the other; told, by default.</summary>
    public CrashLoopPolicy CrashLoop { get; set; } = new();

    /// <summary>
    /// How much the arena is going to hold, in bytes: a default medium with less room is passed over.
    /// </summary>
    public long SizeHint { get; set; } = 1L << 30;

    /// <summary>Where the attach report is logged.</summary>
    public ILogger? Logger { get; set; }

    /// <summary>
    /// The clock for what is told to people (since when there is a writer); nothing is decided by it.
    /// </summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>The same for a reader.</summary>
    internal ArenaOptions ForReading()
    {
        var copy = (ArenaOptions)MemberwiseClone();
        copy.Access = ArenaAccess.ReadOnly;
        return copy;
    }
}

/// <summary>What an arena is opened for.</summary>
public enum ArenaAccess
{
    /// <summary>The one writer.</summary>
    ReadWrite,

    /// <summary>A reader, beside a writer or not. Mappings are read-only.</summary>
    ReadOnly,
}
