using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace GuestMemFs.Format;

/// <summary>The first cache line of a journal half. The tail word follows in a line of its own, then the log.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal unsafe struct JournalHeader
{
    public const int Bytes = 64;

    /// <summary>The tail word: the length of the log in bytes, sealed. The store to it is the commit.</summary>
    public const int TailOffset = 64;

    /// <summary>The first record.</summary>
    public const int LogOffset = 128;

    /// <summary>"GMFSJRNL", little-endian.</summary>
    public const ulong JournalMagic = 0x4C4E_524A_5346_4D47;

    private const int ChecksumAt = 40;

    [FieldOffset(0)] public ulong Magic;
    [FieldOffset(8)] public ulong Generation;
    [FieldOffset(16)] public Guid ArenaId;
    [FieldOffset(32)] public ulong Capacity;
    [FieldOffset(ChecksumAt)] public uint Crc;

    /// <summary>The checksum of everything in front of it.</summary>
    public readonly uint ComputeCrc()
    {
        JournalHeader copy = this;
        return Checksum.Of(new ReadOnlySpan<byte>(&copy, ChecksumAt));
    }

    /// <summary>True where this heads a half of this arena.</summary>
    public readonly bool IsIntact(Guid arenaId) => Magic == JournalMagic && ArenaId == arenaId && Crc == ComputeCrc();

    /// <summary>Makes a half's header invalid, before anything behind it changes.</summary>
    public static void Invalidate(byte* half) => Persist.Publish((ulong*)half, 0);

    /// <summary>Writes the header, magic last.</summary>
    public static void Write(byte* half, uint generation, Guid arenaId, int capacity)
    {
        var header = new JournalHeader { Magic = JournalMagic, Generation = generation, ArenaId = arenaId,
            Capacity = (ulong)capacity };
        header.Crc = header.ComputeCrc();
        Persist.Copy(half + sizeof(ulong),
            new ReadOnlySpan<byte>((byte*)&header + sizeof(ulong), Bytes - sizeof(ulong)));
        Persist.Publish((ulong*)half, JournalMagic);
    }

    /// <summary>Reads a header.</summary>
    public static JournalHeader ReadFrom(byte* half) => Unsafe.ReadUnaligned<JournalHeader>(half);

    /// <summary>What the tail word and the records of a generation are sealed with.</summary>
    public static uint SeedOf(Guid arenaId, uint generation) => Checksum.Of(generation, Checksum.Of(arenaId));
}
