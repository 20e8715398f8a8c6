using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace GuestMemFs.Format;

/// <summary>
/// The constant part of <c>arena.meta</c>, 128 bytes, kept twice: at 0 and at <see cref="MetadataLayout.SecondCopy"/>.
/// </summary>
/// <remarks>The magic is stored last, by itself: a superblock that has one was written to its end.</remarks>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal unsafe struct Superblock
{
    public const int Bytes = 128;

    /// <summary>"GMFSARNA", little-endian.</summary>
    public const ulong ArenaMagic = 0x414E_5241_5346_4D47;

    /// <summary>Stands in the magic's place while an arena is made: creation was begun and not finished.</summary>
    public const ulong CreatingMagic = 0x4745_4221_5346_4D47;

    /// <summary>Where the first half of the journal begins; the second follows it.</summary>
    public const int FirstHalf = 0x4000;

    /// <summary>A half is at least this long.</summary>
    public const int MinimumHalf = 64 * 1024;

    private const int ChecksumAt = 120;

    [FieldOffset(0)] public ulong Magic;
    [FieldOffset(8)] public uint FormatVersion;
    [FieldOffset(12)] public uint Size;
    [FieldOffset(16)] public ulong Compat;
    [FieldOffset(24)] public ulong ReadOnlyCompat;
    [FieldOffset(32)] public ulong Incompat;
    [FieldOffset(40)] public Guid ArenaId;
    [FieldOffset(56)] public ulong Seed0;
    [FieldOffset(64)] public ulong Seed1;
    [FieldOffset(72)] public ulong MetadataSize;
    [FieldOffset(80)] public ulong HalfOffset;
    [FieldOffset(88)] public ulong HalfSize;
    [FieldOffset(96)] public ulong Granularity;
    [FieldOffset(104)] public ulong CreatedUnixMilliseconds;
    [FieldOffset(112)] public ulong Reserved;
    [FieldOffset(ChecksumAt)] public uint Crc;
    [FieldOffset(124)] public uint Padding;

    /// <summary>The checksum of everything in front of it.</summary>
    public readonly uint ComputeCrc()
    {
        Superblock copy = this;
        return Checksum.Of(new ReadOnlySpan<byte>(&copy, ChecksumAt));
    }

    /// <summary>True where magic and checksum stand: what it says was written by somebody who meant it.</summary>
    public readonly bool IsIntact => Magic == ArenaMagic && Crc == ComputeCrc();

    /// <summary>
    /// True where the sizes fit each other and a file of this length (the format of this version only).
    /// </summary>
    public readonly bool Fits(long fileLength) =>
        MetadataSize <= (ulong)fileLength && HalfSize is >= MinimumHalf and <= int.MaxValue
            && HalfSize % 8 == 0
        && IsGranularity(Granularity) && CreatedUnixMilliseconds <= long.MaxValue
        && UnixTime.IsTime((long)CreatedUnixMilliseconds)
        && HalfOffset == FirstHalf
        && HalfOffset + (2 * HalfSize) + ExtentIdentity.BlockBytes <= MetadataSize;

    /// <summary>True where files can come in such steps.</summary>
    private static bool IsGranularity(ulong granularity) =>
        granularity is >= 4096 and <= 1UL << 40 && System.Numerics.BitOperations.IsPow2(granularity);

    /// <summary>Writes a copy: everything but the magic, then the magic.</summary>
    public readonly void WriteTo(byte* at)
    {
        Persist.Publish((ulong*)at, CreatingMagic);
        Superblock copy = this;
        Persist.Copy(at + sizeof(ulong), new ReadOnlySpan<byte>((byte*)&copy + sizeof(ulong), Bytes - sizeof(ulong)));
        Persist.Publish((ulong*)at, ArenaMagic); // COMMIT POINT: new arena
    }

    /// <summary>Reads a copy.</summary>
    public static Superblock ReadFrom(byte* at) => Unsafe.ReadUnaligned<Superblock>(at);
}
