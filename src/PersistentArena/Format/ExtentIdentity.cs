using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace GuestMemFs.Format;

/// <summary>
/// Who a file is: the first cache line of its last 4096 bytes. A file's name is only where to look first; after a kexec
/// its bytes may be under another name.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal unsafe struct ExtentIdentity
{
    public const int Bytes = 64;

    /// <summary>The identity block, the file's last bytes.</summary>
    public const int BlockBytes = 4096;

    /// <summary>The extent id of <c>arena.meta</c> itself.</summary>
    public const ulong MetadataId = 0;

    /// <summary>"GMFSIDNT", little-endian.</summary>
    public const ulong IdentityMagic = 0x544E_4449_5346_4D47;

    private const int ChecksumAt = 56;

    [FieldOffset(0)] public ulong Magic;
    [FieldOffset(8)] public ulong FormatVersion;
    [FieldOffset(16)] public Guid ArenaId;
    [FieldOffset(32)] public ulong ExtentId;
    [FieldOffset(40)] public ulong Nonce;
    [FieldOffset(48)] public long FileLength;
    [FieldOffset(ChecksumAt)] public uint Crc;
    [FieldOffset(60)] public uint Padding;

    /// <summary>True where magic and checksum stand.</summary>
    public readonly bool IsIntact => Magic == IdentityMagic && Crc == ComputeCrc();

    private readonly uint ComputeCrc()
    {
        ExtentIdentity copy = this;
        return Checksum.Of(new ReadOnlySpan<byte>(&copy, ChecksumAt));
    }

    /// <summary>Takes the identity of a file away, before what belongs to it changes.</summary>
    public static void Invalidate(byte* file, long fileLength) =>
        Persist.Publish((ulong*)(file + fileLength - BlockBytes), 0);

    /// <summary>Writes the identity of a file that is mapped at <paramref name="file"/>, magic last.</summary>
    public static void Write(byte* file, long fileLength, Guid arenaId, ulong extentId, ulong nonce)
    {
        byte* block = file + fileLength - BlockBytes;
        var identity = new ExtentIdentity
        {
            Magic = IdentityMagic,
            FormatVersion = FeatureBits.FormatVersion,
            ArenaId = arenaId,
            ExtentId = extentId,
            Nonce = nonce,
            FileLength = fileLength,
        };
        identity.Crc = identity.ComputeCrc();
        Invalidate(file, fileLength);
        Persist.Copy(block + sizeof(ulong),
            new ReadOnlySpan<byte>((byte*)&identity + sizeof(ulong), Bytes - sizeof(ulong)));
        Persist.Publish((ulong*)block, IdentityMagic);
    }

    /// <summary>Reads the identity of a file that is mapped at <paramref name="file"/>.</summary>
    public static ExtentIdentity Read(byte* file, long fileLength) =>
        Unsafe.ReadUnaligned<ExtentIdentity>(file + fileLength - BlockBytes);
}

/// <summary>
/// Who owned an extent when it was last handed out: the second cache line of the identity block. For repair by hand
/// only; the journal decides.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal unsafe struct OwnerHint
{
    public const int Bytes = 32;
    public const int Offset = 64;

    [FieldOffset(0)] public ulong RegionId;
    [FieldOffset(8)] public ulong Ordinal;
    [FieldOffset(16)] public ulong RegionNonce;
    [FieldOffset(24)] public uint Crc;
    [FieldOffset(28)] public uint Padding;

    /// <summary>Writes the hint into the identity block of a file that is mapped at <paramref name="file"/>.</summary>
    public static void Write(
        byte* file, long fileLength, ulong regionId, ulong regionNonce, uint ordinal, ulong extentNonce)
    {
        var hint = new OwnerHint { RegionId = regionId, Ordinal = ordinal, RegionNonce = regionNonce };
        hint.Crc = Checksum.Of(new ReadOnlySpan<byte>(&hint, 24), Checksum.Of(extentNonce));
        Persist.Copy(file + fileLength - ExtentIdentity.BlockBytes + Offset, new ReadOnlySpan<byte>(&hint, Bytes));
    }
}
