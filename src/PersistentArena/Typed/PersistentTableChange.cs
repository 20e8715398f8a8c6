using System.Buffers;
using GuestMemFs.Typed;

namespace GuestMemFs;

/// <summary>What happened to a record.</summary>
public enum PersistentTableChangeKind
{
    /// <summary>Nothing: no change has it.</summary>
    None,

    /// <summary>It was set.</summary>
    Set,

    /// <summary>It was removed.</summary>
    Removed,
}

/// <summary>One change of a table.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Key">The record's key.</param>
/// <param name="Value">Its value since; none where it was removed.</param>
/// <typeparam name="TKey">The keys' type.</typeparam>
/// <typeparam name="TValue">The values' type.</typeparam>
public readonly record struct PersistentTableChange<TKey, TValue>(
    PersistentTableChangeKind Kind, TKey Key, TValue? Value)
    where TKey : notnull;
