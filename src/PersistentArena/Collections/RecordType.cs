namespace GuestMemFs;

/// <summary>What a record's value is. Stored in the medium: numbers never change meaning (docs/format.md).</summary>
public enum RecordType : byte
{
    /// <summary>No record.</summary>
    None = 0,

    /// <summary>A byte string.</summary>
    String = 1,

    /// <summary>Reserved for a hash.</summary>
    Hash = 2,

    /// <summary>Reserved for a list.</summary>
    List = 3,

    /// <summary>Reserved for a set.</summary>
    Set = 4,

    /// <summary>Reserved for a sorted set.</summary>
    SortedSet = 5,

    /// <summary>Reserved for a stream.</summary>
    Stream = 6,

    /// <summary>Reserved for a byte string in chunks (<see cref="NestedCollections.Bytes"/>).</summary>
    Bytes = 7,
}
