using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace GuestMemFs.LiveUpdate.Journal;

/// <summary>
/// The plan's record in a region of the arena: two slots, written in turn. A record counts from the store of its
/// sequence number on, which its checksum covers; until then the other slot is the newest. So each write is there or
/// not there, whatever ends the process or the kernel.
/// </summary>
/// <remarks>
/// Slot: sequence (8 bytes, the store that makes it true), magic (4), length (4), checksum of sequence, length and
/// record (4), zeros up to 64; then the record, JSON in UTF-8. docs/format.md.
/// </remarks>
internal sealed class PlanJournal(PersistentRegion region)
{
    /// <summary>The region's name.</summary>
    public const string RegionName = "live-update";

    /// <summary>The region's length, in bytes.</summary>
    public const long RegionLength = 2L << 20;

    private const int Slots = 2;
    private const int SlotLength = (int)(RegionLength / Slots);
    private const int HeaderLength = 64;
    private const int MagicAt = 8;
    private const int LengthAt = 12;
    private const int ChecksumAt = 16;
    private const uint Magic = 0x50554C47; // "GLUP"

    /// <summary>Called after each write: the tests' way to end a process between any two of them.</summary>
    internal Action? Written { get; init; }

    /// <summary>The newest record; null where there is none.</summary>
    /// <exception cref="LiveUpdateException">It is not one of this version.</exception>
    public PlanRecord? Read()
    {
        (int slot, _) = Newest();
        if (slot < 0)
        {
            return null;
        }

        Span<byte> bytes = Slot(slot);
        try
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(bytes[LengthAt..]);
            return JsonSerializer.Deserialize(bytes.Slice(HeaderLength, length), RecordJson.Default.PlanRecord);
        }
        catch (JsonException e)
        {
            throw new LiveUpdateException(
                $"What region '{RegionName}' holds is no record of a plan, or one of another version: {e.Message} "
                + "Nothing was done. Where no plan is under way, delete the region (gmfs rm).", e);
        }
    }

    /// <summary>Writes a record. It is in force when this returns.</summary>
    /// <exception cref="LiveUpdateException">It is too long.</exception>
    public void Write(PlanRecord record)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(record, RecordJson.Default.PlanRecord);
        if (json.Length > SlotLength - HeaderLength)
        {
            throw new LiveUpdateException($"The plan takes {json.Length} bytes, and its place in the arena " +
                $"has {SlotLength - HeaderLength}: it has too many participants for one plan.");
        }

        (int newest, ulong sequence) = Newest();
        int slot = (newest + 1) % Slots;
        Span<byte> bytes = Slot(slot);
        json.CopyTo(bytes[HeaderLength..]);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[MagicAt..], Magic);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[LengthAt..], json.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[ChecksumAt..], Checksum(sequence + 1, json));
        region.Flush((long)slot * SlotLength, HeaderLength + json.Length);
        Volatile.Write(ref MemoryMarshal.AsRef<ulong>(bytes), sequence + 1); // COMMIT POINT: plan record
        region.Flush((long)slot * SlotLength, sizeof(ulong));
        Written?.Invoke();
    }

    private (int Slot, ulong Sequence) Newest()
    {
        (int Slot, ulong Sequence) newest = (-1, 0);
        for (int i = 0; i < Slots; i++)
        {
            ulong sequence = Volatile.Read(ref MemoryMarshal.AsRef<ulong>(Slot(i)));
            if (sequence > newest.Sequence && IsWhole(Slot(i), sequence))
            {
                newest = (i, sequence);
            }
        }

        return newest;
    }

    private static bool IsWhole(ReadOnlySpan<byte> slot, ulong sequence)
    {
        int length = BinaryPrimitives.ReadInt32LittleEndian(slot[LengthAt..]);
        return BinaryPrimitives.ReadUInt32LittleEndian(slot[MagicAt..]) == Magic
            && length is > 0 and <= SlotLength - HeaderLength
            && BinaryPrimitives.ReadUInt32LittleEndian(slot[ChecksumAt..]) == Checksum(sequence,
                slot.Slice(HeaderLength, length));
    }

    private static uint Checksum(ulong sequence, ReadOnlySpan<byte> record)
    {
        uint crc = BitOperations.Crc32C(BitOperations.Crc32C(Magic, sequence), (ulong)record.Length);
        foreach (byte one in record)
        {
            crc = BitOperations.Crc32C(crc, one);
        }

        return crc;
    }

    private Span<byte> Slot(int index) => region.AsSpan((long)index * SlotLength, SlotLength);
}
