using System.Runtime.InteropServices;

namespace KvStore.Replication;

/// <summary>The first bytes of the backlog's region.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct BacklogHeader
{
    /// <summary>The ring begins here.</summary>
    public const int Length = 4096;

    /// <summary>Says that the rest is what it seems, as long as the heap's position names the same history.</summary>
    public const ulong Whole = 0x3130_4B4C_4342_564B; // KVBCLK01

    public ulong State;

    /// <summary>Bytes of the ring.</summary>
    public long Capacity;

    public ReplicationId Id;

    /// <summary>Bytes of the history before this one are overwritten, or about to be.</summary>
    public long First;

    /// <summary>Where the history ended before the last record was written.</summary>
    public long Before;

    /// <summary>Where it ends with that record.</summary>
    public long Behind;

    /// <summary>The arena's epoch while it was open last: each process that writes has the next one.</summary>
    public ulong Epoch;

    /// <summary>The id that the history is about to get; once the heap's position has it, <see cref="Id"/>
    /// follows.</summary>
    public ReplicationId NextId;

    /// <summary>The id that it had before.</summary>
    public ReplicationId SecondId;

    /// <summary>Up to here it is the history of that one too.</summary>
    public long SecondEnd;
}

/// <summary>A root of the heap: which history the store's data is of, and how much of it the data has.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct HistoryPosition
{
    public ReplicationId Id;

    /// <summary>Bytes of the history.</summary>
    public long Offset;
}
