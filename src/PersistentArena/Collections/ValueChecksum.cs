using GuestMemFs.Format;

namespace GuestMemFs.Collections;

/// <summary>
/// The last four bytes of each value of a dictionary with checksums, behind the value that its users see: CRC-32C of
/// the key's hash, the record's header, the expiry and the value.
/// </summary>
/// <remarks>
/// With the hash in it, a value does not check under another key. The record's place is not in it, so that it can be
/// moved. No word of such a record is changed in place, and none is an integer: those are kept as digits.
/// </remarks>
internal static unsafe class ValueChecksum
{
    public const int Length = sizeof(uint);

    /// <summary>What the users of a dictionary see is shorter than what is stored by so much.</summary>
    public const ulong InHeader = (ulong)Length << 32;

    private const uint Seed = 0x5641_4C55;

    /// <summary>The checksum that a filled record should carry.</summary>
    public static uint Of(byte* record, ulong header, ulong hash)
    {
        uint crc = Checksum.Of(header, Checksum.Of(hash, Seed));
        if ((RecordFormat.Flags(header) & RecordFormat.HasExpiry) != 0)
        {
            crc = Checksum.Of(*RecordFormat.ExpiryWord(record), crc);
        }

        byte* value = record + RecordFormat.KeyOffset(header) + RecordFormat.KeyLength(header);
        return Checksum.Of(new ReadOnlySpan<byte>(value, RecordFormat.ValueLength(header) - Length), crc);
    }

    /// <summary>Stores it into a record that is filled but for it.</summary>
    public static void Store(byte* record, ulong header, ulong hash)
    {
        uint crc = Of(record, header, hash);
        Persist.Copy(record + RecordFormat.Length(header) - Length, new ReadOnlySpan<byte>(&crc, Length));
    }

    /// <summary>
    /// True where the record is as it was written. It lies whole in the region; without its bucket's lock, the answer
    /// holds only if the look still does.
    /// </summary>
    public static bool Holds(byte* record, ulong header, ulong hash) =>
        (RecordFormat.Flags(header) & RecordFormat.IsInteger) == 0
        && RecordFormat.ValueLength(header) >= Length
        && *(uint*)(record + RecordFormat.Length(header) - Length) == Of(record, header, hash);
}
