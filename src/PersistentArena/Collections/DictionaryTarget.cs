using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// A key that is being changed, under its bucket's lock: what of the table and the chain the change is about.
/// </summary>
internal readonly unsafe ref struct DictionaryTarget
{
    /// <summary>The changing thread's.</summary>
    public required Lane Lane { get; init; }

    /// <summary>The table in force.</summary>
    public required Table Table { get; init; }

    /// <summary>The key; empty where only a record of its own is looked at, by its slot.</summary>
    public ReadOnlySpan<byte> Key { get; init; }

    /// <summary>The key's hash, where there is a key.</summary>
    public ulong Hash { get; init; }

    public ulong* Bucket { get; init; }

    /// <summary>Where the slot is that leads to the record, one that has expired too.</summary>
    public ulong* Slot { get; init; }

    /// <summary>The record that is there; null where there is none.</summary>
    public byte* Record { get; init; }

    /// <summary>Its header.</summary>
    public ulong Header { get; init; }
}
