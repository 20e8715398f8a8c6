using System.Buffers.Binary;
using GuestMemFs.Format;

namespace GuestMemFs.Dumps;

/// <summary>
/// The head of a block in a dump: which one it is (<see cref="End"/> closes the file), how many bytes follow (0: the
/// block is zeros), and CRC32C over both and the bytes, seeded with the header's. Of <see cref="Pages"/> the index is
/// that of their first page: what the blocks before have of them is older.
/// </summary>
internal readonly record struct DumpBlock(ulong Index, int Length, uint Crc)
{
    public const int Bytes = 16;
    public const ulong End = ulong.MaxValue;

    /// <summary>Set in the index of pages that were copied again.</summary>
    public const ulong Pages = 1UL << 63;

    public static DumpBlock Of(ulong index, ReadOnlySpan<byte> data, uint seed) =>
        new(index, data.Length, Compute(index, data, seed));

    public bool Fits(ReadOnlySpan<byte> data, uint seed) => Length == data.Length && Crc == Compute(Index, data, seed);

    public void WriteTo(Span<byte> to)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(to, Index);
        BinaryPrimitives.WriteInt32LittleEndian(to[8..], Length);
        BinaryPrimitives.WriteUInt32LittleEndian(to[12..], Crc);
    }

    public static DumpBlock Read(ReadOnlySpan<byte> from) =>
        new(BinaryPrimitives.ReadUInt64LittleEndian(from), BinaryPrimitives.ReadInt32LittleEndian(from[8..]),
            BinaryPrimitives.ReadUInt32LittleEndian(from[12..]));

    private static uint Compute(ulong index, ReadOnlySpan<byte> data, uint seed) =>
        Checksum.Of(data, Checksum.Of((ulong)data.Length, Checksum.Of(index, seed)));
}
