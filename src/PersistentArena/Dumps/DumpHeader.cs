using System.Buffers.Binary;
using System.Text;
using GuestMemFs.Format;

namespace GuestMemFs.Dumps;

/// <summary>The first 4096 bytes of a dump: which region it was. docs/gmfs.md has it byte by byte.</summary>
internal sealed record DumpHeader(
    Guid ArenaId,
    ulong Epoch,
    DateTimeOffset Taken,
    long Length,
    long Stored,
    long MaximumLength,
    long Alignment,
    RegionKind Kind,
    RegionReserve Reserve,
    bool Formatted,
    bool BesideWriter,
    string Name)
{
    public const int Bytes = 4096;
    public const uint Newest = 2;
    public const int BlockBytes = 1 << 20;

    private const int ChecksumAt = Bytes - sizeof(uint);
    private const int NameAt = 96;
    private const byte FormattedFlag = 1;
    private const byte BesideWriterFlag = 2;

    /// <summary>1: the blocks are all. 2: pages that were copied again follow, and a trailer.</summary>
    public uint Version { get; init; } = 1;

    private static ReadOnlySpan<byte> Magic => "GMFSDUMP"u8;

    /// <summary>Seeds the blocks' checksums: a block of another dump does not fit.</summary>
    public uint WriteTo(Span<byte> to)
    {
        to[..Bytes].Clear();
        Magic.CopyTo(to);
        BinaryPrimitives.WriteUInt32LittleEndian(to[8..], Version);
        BinaryPrimitives.WriteUInt32LittleEndian(to[12..], BlockBytes);
        ArenaId.TryWriteBytes(to[16..]);
        BinaryPrimitives.WriteUInt64LittleEndian(to[32..], Epoch);
        BinaryPrimitives.WriteInt64LittleEndian(to[40..], Taken.ToUnixTimeMilliseconds());
        BinaryPrimitives.WriteInt64LittleEndian(to[48..], Length);
        BinaryPrimitives.WriteInt64LittleEndian(to[56..], Stored);
        BinaryPrimitives.WriteInt64LittleEndian(to[64..], MaximumLength);
        BinaryPrimitives.WriteInt64LittleEndian(to[72..], Alignment);
        to[80] = (byte)Kind;
        to[81] = (byte)Reserve;
        to[82] = (byte)((Formatted ? FormattedFlag : 0) | (BesideWriter ? BesideWriterFlag : 0));
        BinaryPrimitives.WriteInt32LittleEndian(to[88..], Encoding.UTF8.GetBytes(Name, to[NameAt..]));
        uint crc = Checksum.Of(to[..ChecksumAt]);
        BinaryPrimitives.WriteUInt32LittleEndian(to[ChecksumAt..], crc);
        return crc;
    }

    /// <summary>Reads a header.</summary>
    /// <exception cref="DumpDamagedException">It is none, or damaged.</exception>
    /// <exception cref="DumpFormatException">It is a newer library's.</exception>
    public static DumpHeader Read(ReadOnlySpan<byte> from, string file, out uint crc)
    {
        crc = BinaryPrimitives.ReadUInt32LittleEndian(from[ChecksumAt..]);
        CheckKind(from, file, crc);
        (long length, long stored) = (BinaryPrimitives.ReadInt64LittleEndian(from[48..]),
            BinaryPrimitives.ReadInt64LittleEndian(from[56..]));
        if (stored < 0 || stored > length)
        {
            throw new DumpDamagedException(
                file, $"has a header that contradicts itself: {stored} bytes of {length}.");
        }

        // A checksum that fits does not make a number one that can be: the file may come from anywhere.
        long taken = BinaryPrimitives.ReadInt64LittleEndian(from[40..]);
        int nameBytes = BinaryPrimitives.ReadInt32LittleEndian(from[88..]);
        if (taken < DateTimeOffset.MinValue.ToUnixTimeMilliseconds()
            || taken > DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()
            || !Enum.IsDefined((RegionKind)from[80]) || !Enum.IsDefined((RegionReserve)from[81])
            || nameBytes is < 0 or > RegionOptions.MaximumNameBytes)
        {
            throw new DumpDamagedException(file, $"has a header that says what cannot be: taken at {taken} ms, kind " +
                $"{from[80]}, reserve {from[81]}, a name of {nameBytes} bytes.");
        }

        return new DumpHeader(
            new Guid(from.Slice(16, 16)),
            BinaryPrimitives.ReadUInt64LittleEndian(from[32..]),
            DateTimeOffset.FromUnixTimeMilliseconds(taken),
            length,
            stored,
            BinaryPrimitives.ReadInt64LittleEndian(from[64..]),
            BinaryPrimitives.ReadInt64LittleEndian(from[72..]),
            (RegionKind)from[80],
            (RegionReserve)from[81],
            (from[82] & FormattedFlag) != 0,
            (from[82] & BesideWriterFlag) != 0,
            Encoding.UTF8.GetString(from.Slice(NameAt, nameBytes)))
        {
            Version = BinaryPrimitives.ReadUInt32LittleEndian(from[8..]),
        };
    }

    private static void CheckKind(ReadOnlySpan<byte> from, string file, uint crc)
    {
        if (!from.StartsWith(Magic))
        {
            throw new DumpDamagedException(file, "is no dump of a region.");
        }

        if (crc != Checksum.Of(from[..ChecksumAt]))
        {
            throw new DumpDamagedException(file, "has a header that does not check.");
        }

        uint version = BinaryPrimitives.ReadUInt32LittleEndian(from[8..]);
        if (version is 0 or > Newest || BinaryPrimitives.ReadUInt32LittleEndian(from[12..]) != BlockBytes)
        {
            throw new DumpFormatException(file, version, Newest);
        }
    }
}
