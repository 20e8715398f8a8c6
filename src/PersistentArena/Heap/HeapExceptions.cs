namespace GuestMemFs;

/// <summary>A heap's bytes are not what the format says. Nothing was changed.</summary>
public sealed class HeapDamagedException : ArenaException
{
    internal HeapDamagedException(string region, long offset, string what)
        : base(ReasonCodes.HeapDamaged, $"The heap in region '{region}' is damaged at offset {offset}: {what}. " +
            "Nothing was changed; restore the region from a copy, or delete and create it.")
    {
        Region = region;
        Offset = offset;
    }

    /// <summary>The region's name.</summary>
    public string Region { get; }

    /// <summary>Where in the region, in bytes.</summary>
    public long Offset { get; }
}

/// <summary>A record's checksum is wrong: value, expiry or key is not what was written. Nothing was changed.</summary>
public sealed class ValueDamagedException : ArenaException
{
    internal ValueDamagedException(string region, string dictionary, ulong keyHash, long offset)
        : base(
            ReasonCodes.ValueDamaged,
            $"A value of dictionary '{dictionary}' in the heap of region '{region}' is damaged: the record at offset "
            + $"{offset}, whose key has hash 0x{keyHash:X16}, does not match its checksum. Nothing was changed, and "
            + "other keys are served. Remove the key or set it anew, or restore the region from a copy.")
    {
        Region = region;
        Dictionary = dictionary;
        KeyHash = keyHash;
        Offset = offset;
    }

    /// <summary>The region's name.</summary>
    public string Region { get; }

    /// <summary>The dictionary's name.</summary>
    public string Dictionary { get; }

    /// <summary>The hash of the record's key, as the dictionary keys it.</summary>
    public ulong KeyHash { get; }

    /// <summary>Where the record is in the region, in bytes.</summary>
    public long Offset { get; }
}

/// <summary>A heap of another format than this library knows.</summary>
public sealed class HeapFormatException : ArenaException
{
    internal HeapFormatException(string region, ulong version, ulong incompatible)
        : base(ReasonCodes.HeapFormat, $"The heap in region '{region}' has format {version} with incompatible " +
            $"features 0x{incompatible:X}; this library knows format {Heap.HeapFormat.Version} and features " +
            $"0x{Heap.HeapFormat.KnownIncompatible:X}. " +
            (version < Heap.HeapFormat.Version ? "That format was never released: load the data anew."
                : "Use a newer library."))
    {
        Version = version;
        IncompatibleFeatures = incompatible;
    }

    /// <summary>The heap's format version.</summary>
    public ulong Version { get; }

    /// <summary>Feature bits that this library would have to know.</summary>
    public ulong IncompatibleFeatures { get; }
}

/// <summary>A root is there, but its objects are laid out differently.</summary>
public sealed class HeapLayoutException : ArenaException
{
    internal HeapLayoutException(
        string region, string root, ulong found, ulong expected, Heap.StructShape foundShape,
        Heap.StructShape expectedShape)
        : base(ReasonCodes.HeapLayout, $"Root '{root}' in region '{region}' holds {foundShape.Text}; asked for was " +
            $"{expectedShape.Text}. What differs: {string.Join("; ", foundShape.DifferencesTo(expectedShape))}. "
            + "Nothing was changed. Convert it with MigrateRoot, open it as what it is, or use another name.")
    {
        Root = root;
        Found = found;
        Expected = expected;
        FoundShape = foundShape.Text;
        ExpectedShape = expectedShape.Text;
        Differences = foundShape.DifferencesTo(expectedShape);
    }

    internal HeapLayoutException(string region, string root, ulong found, ulong expected)
        : base(ReasonCodes.HeapLayout, $"Root '{root}' in region '{region}' has layout 0x{found:X16}, asked for was " +
            $"0x{expected:X16}. Open it as what it is, or use another name.")
    {
        Root = root;
        Found = found;
        Expected = expected;
    }

    /// <summary>The root's name.</summary>
    public string Root { get; }

    /// <summary>Hash of the layout that it has.</summary>
    public ulong Found { get; }

    /// <summary>Hash of the layout that was asked for.</summary>
    public ulong Expected { get; }

    /// <summary>The fields that it has, in words; null for a collection, or where an older library made it.</summary>
    public string? FoundShape { get; }

    /// <summary>The fields that were asked for; null where <see cref="FoundShape"/> is.</summary>
    public string? ExpectedShape { get; }

    /// <summary>What became of the fields, a sentence each; empty where that is not known.</summary>
    public IReadOnlyList<string> Differences { get; } = [];
}

/// <summary>
/// A snapshot ended before its reader did: its copies would have grown past what it may hold, or the machine had no
/// memory for them. The heap is as it should be.
/// </summary>
public sealed class SnapshotLostException : ArenaException
{
    internal SnapshotLostException(string region, long copied)
        : base(ReasonCodes.SnapshotLost, $"The snapshot of the heap in region '{region}' was given up when it held " +
            $"{copied} bytes of pages that have changed since: it may hold no more, or there is no memory. Take " +
            "another one, read faster, or allow it more.") => CopiedBytes = copied;

    /// <summary>Bytes that it held.</summary>
    public long CopiedBytes { get; }
}

/// <summary>The root, or the collection, was deleted meanwhile.</summary>
public sealed class RootDeletedException : ArenaException
{
    internal RootDeletedException(string region, string root)
        : base(ReasonCodes.RootDeleted,
            $"Root '{root}' in region '{region}' was deleted after it was opened. Nothing was changed. Open it again " +
            "to have an empty one.") => Root = root;

    /// <summary>The root's name.</summary>
    public string Root { get; }
}

/// <summary>A root is not deleted: something hangs on it, or it is part of something else.</summary>
public sealed class RootInUseException : ArenaException
{
    internal RootInUseException(string region, string root, string why)
        : base(ReasonCodes.RootInUse, $"Root '{root}' in region '{region}' is in use: {why} Nothing was changed.") =>
        Root = root;

    /// <summary>The root's name.</summary>
    public string Root { get; }
}
