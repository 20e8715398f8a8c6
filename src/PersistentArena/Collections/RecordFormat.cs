using System.Runtime.CompilerServices;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// A record's bytes: header (type, flags, key length, value length: 8 bytes), expiry (8 bytes, if flagged), integer (8 bytes, if flagged), key, value.
/// The header is the block's header. Expiry and integer are aligned words and may be changed in place; nothing else may.
/// </summary>
internal static unsafe class RecordFormat
{
    public const byte HasExpiry = 1;
    public const byte IsInteger = 2;

    private const int HeaderLength = sizeof(ulong);

    /// <summary>Where the key of a record without flags begins.</summary>
    public const int PlainKeyOffset = HeaderLength;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Header(RecordType type, byte flags, int keyLength, int valueLength) =>
        (byte)type | ((ulong)flags << 8) | ((ulong)keyLength << 16) | ((ulong)valueLength << 32);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte Flags(ulong header) => (byte)(header >> 8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int KeyLength(ulong header) => (ushort)(header >> 16);

    /// <summary>Where the key begins: behind the header and eight bytes for each of the two flags.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int KeyOffset(ulong header) => HeaderLength + ((int)(header >> 5) & 8) + ((int)(header >> 6) & 8);

    /// <summary>The length of the whole record, from its header alone.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Length(ulong header) =>
        KeyOffset(header) + KeyLength(header) + ((Flags(header) & IsInteger) != 0 ? 0 : (long)(header >> 32));

    public static long Length(byte flags, int keyLength, int valueLength) => Length(Header(RecordType.String, flags, keyLength, valueLength));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsRecord(ulong header) => (byte)(header - 1) < BlockHeader.LastRecordType;

    /// <summary>True for a record without flags and with a key of that length.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPlain(ulong header, int keyLength) => ((uint)header ^ ((uint)keyLength << 16)) - 1 < BlockHeader.LastRecordType;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ReadOnlySpan<byte> Key(byte* record, ulong header) => new(record + KeyOffset(header), KeyLength(header));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong* ExpiryWord(byte* record) => (ulong*)(record + HeaderLength);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong* IntegerWord(byte* record, ulong header) =>
        (ulong*)(record + HeaderLength + ((Flags(header) & HasExpiry) != 0 ? sizeof(long) : 0));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long ExpiresAt(byte* record, ulong header) =>
        (Flags(header) & HasExpiry) != 0 ? (long)Volatile.Read(ref *ExpiryWord(record)) : RecordView.NoExpiry;
}
