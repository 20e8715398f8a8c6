using System.Numerics;
using System.Runtime.CompilerServices;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// A record's bytes: header (type, check, key length, value length, flags: 8 bytes), expiry (8 bytes, if flagged),
/// integer (8 bytes, if flagged), key, value. The header is the block's header. Expiry and integer are aligned words
/// and may be changed in place; nothing else may.
/// </summary>
internal static unsafe class RecordFormat
{
    /// <summary>Longest key, in bytes.</summary>
    public const int MaximumKeyLength = 65_535;

    /// <summary>Longest value, in bytes.</summary>
    public const int MaximumValueLength = 512 * 1024 * 1024;

    /// <summary>In an expiry's place: the record has none.</summary>
    public const long NoExpiry = 0;

    public const byte HasExpiry = 1;
    public const byte IsInteger = 2;

    private const int HeaderLength = sizeof(ulong);

    /// <summary>Where the key of a record without flags begins.</summary>
    public const int PlainKeyOffset = HeaderLength;

    private const int FlagShift = 62;
    private const uint CheckMask = 0xFF00;

    // What the check gives together with the byte that holds it, so that no free block's header passes.
    private const uint Sum = 0xA500;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Header(RecordType type, byte flags, int keyLength, int valueLength)
    {
        ulong rest = (byte)type | ((ulong)keyLength << 16) | ((ulong)valueLength << 32) | ((ulong)flags << FlagShift);
        return rest | (Check(rest) ^ Sum);
    }

    /// <summary>The flag of a record that expires then.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte ExpiryFlag(long expiresAt) => expiresAt == NoExpiry ? (byte)0 : HasExpiry;

    /// <summary>The header of the same record with a word for that expiry, or without one.</summary>
    public static ulong WithExpiry(ulong header, long expiresAt)
    {
        byte flags = (byte)((Flags(header) & ~HasExpiry) | ExpiryFlag(expiresAt));
        return Header((RecordType)(byte)header, flags, KeyLength(header), ValueLength(header));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte Flags(ulong header) => (byte)(header >> FlagShift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool HasFlags(ulong header) => header >= 1UL << FlagShift;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int KeyLength(ulong header) => (ushort)(header >> 16);

    /// <summary>The length of the value, of which an integer's is 8.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int ValueLength(ulong header) => (int)(header >> 32) & 0x3FFF_FFFF;

    /// <summary>
    /// True for a header as it was written: any change within one byte shows, others but one in 256. A damaged one
    /// would give a value with its neighbour's bytes, or hand out a block as one of another size. It need not be a
    /// record's.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsIntact(ulong header) => (((uint)header ^ Check(header)) & CheckMask) == Sum;

    // Eight bits of a CRC-32C, the ones that show every change within one byte of the header (bits 9 to 16; bits 8 to
    // 15 do not).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Check(ulong header) =>
        (BitOperations.Crc32C((uint)header & ~CheckMask, (uint)(header >> 32)) >> 1) & CheckMask;

    /// <summary>Where the key begins: behind the header and eight bytes for each of the two flags.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int KeyOffset(ulong header) => HeaderLength + ((int)(header >> 59) & 8) + ((int)(header >> 60) & 8);

    /// <summary>The length of the whole record, from its header alone.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Length(ulong header) =>
        KeyOffset(header) + KeyLength(header) + ((Flags(header) & IsInteger) != 0 ? 0 : (long)ValueLength(header));

    public static long Length(byte flags, int keyLength, int valueLength) =>
        Length(Header(RecordType.String, flags, keyLength, valueLength));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsRecord(ulong header) => (byte)(header - 1) < BlockHeader.LastRecordType;

    /// <summary>
    /// True for an intact record with a key of that length, and without flags where the value's length is no more than
    /// it may be. All in one comparison: the fewer steps wait for a header, the earlier the processor begins the next
    /// read.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPlain(ulong header, int keyLength) =>
        ((uint)header ^ Check(header) ^ (((uint)keyLength << 16) | Sum)) - 1 < BlockHeader.LastRecordType;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ReadOnlySpan<byte> Key(byte* record, ulong header) =>
        new(record + KeyOffset(header), KeyLength(header));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong* ExpiryWord(byte* record) => (ulong*)(record + HeaderLength);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong* IntegerWord(byte* record, ulong header) =>
        (ulong*)(record + HeaderLength + ((Flags(header) & HasExpiry) != 0 ? sizeof(long) : 0));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long ExpiresAt(byte* record, ulong header) =>
        (Flags(header) & HasExpiry) != 0 ? (long)Volatile.Read(ref *ExpiryWord(record)) : NoExpiry;
}
