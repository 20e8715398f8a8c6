using System.Runtime.InteropServices;

namespace GuestMemFs.Format;

/// <summary>
/// The head of a journal record: one transaction. Operations follow; the length covers head and operations, in 8-byte
/// steps.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal struct RecordHeader
{
    public const int Bytes = 16;

    [FieldOffset(0)] public uint Length;

    /// <summary>
    /// CRC32C of the length, then of everything behind this field, seeded with arena id and generation.
    /// </summary>
    [FieldOffset(4)] public uint Crc;

    [FieldOffset(8)] public ulong Sequence;

    /// <summary>The checksum of a whole record whose length field is set.</summary>
    public static uint ComputeCrc(ReadOnlySpan<byte> record, uint seed) =>
        Checksum.Of(record[8..], Checksum.Of(MemoryMarshal.Read<uint>(record), seed));
}

/// <summary>The head of an operation inside a record.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal struct OperationHeader
{
    public const int Bytes = 8;

    [FieldOffset(0)] public OperationKind Kind;

    /// <summary>Length of the whole operation, this head included, in 8-byte steps.</summary>
    [FieldOffset(4)] public uint Length;
}

/// <summary>
/// What an operation does. All are upserts of whole entries (or drops), so that replaying one twice changes nothing.
/// </summary>
internal enum OperationKind : uint
{
    PutRegion = 1,
    DropRegion = 2,
    PutExtent = 3,
    DropExtent = 4,
    SetState = 5,
}

/// <summary>A region as it stands in the journal; the name (UTF-8, padded to 8 bytes with zeros) follows.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal struct RegionBody
{
    public const int Bytes = 64;
    public const ushort FormattedFlag = 1;

    [FieldOffset(0)] public ulong Id;
    [FieldOffset(8)] public ulong Nonce;
    [FieldOffset(16)] public long Length;
    [FieldOffset(24)] public long MaximumLength;
    [FieldOffset(32)] public long Alignment;
    [FieldOffset(40)] public long CreatedUnixMilliseconds;
    [FieldOffset(48)] public byte Kind;
    [FieldOffset(49)] public byte Reserve;
    [FieldOffset(50)] public ushort Flags;
    [FieldOffset(52)] public uint NameBytes;

    /// <summary>
    /// The generation of its files: the current one, and above it the previous one while they are stamped.
    /// </summary>
    [FieldOffset(56)] public ulong Generation;
}

/// <summary>An extent as it stands in the journal.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal struct ExtentBody
{
    public const int Bytes = 48;

    [FieldOffset(0)] public ulong Id;
    [FieldOffset(8)] public ulong Nonce;
    [FieldOffset(16)] public long FileLength;
    [FieldOffset(24)] public long Used;
    [FieldOffset(32)] public ulong RegionId;
    [FieldOffset(40)] public uint Ordinal;
    [FieldOffset(44)] public uint State;
}

/// <summary>The arena's own state as it stands in the journal.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal struct StateBody
{
    public const int Bytes = 48;
    public const ulong FrozenFlag = 1;

    [FieldOffset(0)] public ulong Epoch;
    [FieldOffset(8)] public ulong NextExtentId;
    [FieldOffset(16)] public ulong NextRegionId;
    [FieldOffset(24)] public Guid FrozenBoot;
    [FieldOffset(40)] public ulong Flags;
}
