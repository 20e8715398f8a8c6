using System.Text;
using GuestMemFs.Format;

namespace GuestMemFs.Journal;

/// <summary>
/// One transaction in the making: the bytes of a journal record. Regions are put before the extents that belong to
/// them. Not thread-safe.
/// </summary>
internal sealed class Transaction
{
    private byte[] _bytes = new byte[512];

    /// <summary>The record's length so far.</summary>
    public int Length { get; private set; } = RecordHeader.Bytes;

    /// <summary>True where nothing was put yet.</summary>
    public bool IsEmpty => Length == RecordHeader.Bytes;

    /// <summary>The operations.</summary>
    public ReadOnlySpan<byte> Operations => _bytes.AsSpan(RecordHeader.Bytes, Length - RecordHeader.Bytes);

    /// <summary>Adds or changes a region.</summary>
    public Transaction Put(RegionEntry region)
    {
        int nameBytes = Encoding.UTF8.GetByteCount(region.Name);
        Span<byte> body = Append(OperationKind.PutRegion, RegionBody.Bytes + nameBytes);
        Structs.Write(body, new RegionBody
        {
            Id = region.Id,
            Nonce = region.Nonce,
            Length = region.Length,
            MaximumLength = region.MaximumLength,
            Alignment = region.Alignment,
            CreatedUnixMilliseconds = region.CreatedUnixMilliseconds,
            Kind = (byte)region.Kind,
            Reserve = (byte)region.Reserve,
            Flags = region.Formatted ? RegionBody.FormattedFlag : (ushort)0,
            NameBytes = (uint)nameBytes,
            Generation = region.Generation.Word,
        });
        Encoding.UTF8.GetBytes(region.Name, body[RegionBody.Bytes..]);
        return this;
    }

    /// <summary>Drops a region.</summary>
    public Transaction DropRegion(ulong id)
    {
        Structs.Write(Append(OperationKind.DropRegion, sizeof(ulong)), id);
        return this;
    }

    /// <summary>Adds or changes an extent.</summary>
    public Transaction Put(ExtentEntry extent)
    {
        Structs.Write(Append(OperationKind.PutExtent, ExtentBody.Bytes), new ExtentBody
        {
            Id = extent.Id,
            Nonce = extent.Nonce,
            FileLength = extent.FileLength,
            Used = extent.Used,
            RegionId = extent.RegionId,
            Ordinal = extent.Ordinal,
            State = (uint)extent.State,
        });
        return this;
    }

    /// <summary>Drops an extent.</summary>
    public Transaction DropExtent(ulong id)
    {
        Structs.Write(Append(OperationKind.DropExtent, sizeof(ulong)), id);
        return this;
    }

    /// <summary>Sets the arena's own entry.</summary>
    public Transaction Set(ArenaState state)
    {
        Structs.Write(Append(OperationKind.SetState, StateBody.Bytes), new StateBody
        {
            Epoch = state.Epoch,
            NextExtentId = state.NextExtentId,
            NextRegionId = state.NextRegionId,
            FrozenBoot = state.FrozenBoot,
            Flags = state.Frozen ? StateBody.FrozenFlag : 0,
        });
        return this;
    }

    /// <summary>Forgets the operations and keeps the buffer.</summary>
    public void Clear() => Length = RecordHeader.Bytes;

    /// <summary>Finishes the record: length, sequence, checksum.</summary>
    public ReadOnlySpan<byte> Seal(ulong sequence, uint seed)
    {
        Span<byte> record = _bytes.AsSpan(0, Length);
        var header = new RecordHeader { Length = (uint)record.Length, Sequence = sequence };
        Structs.Write(record, header);
        header.Crc = RecordHeader.ComputeCrc(record, seed);
        Structs.Write(record, header);
        return record;
    }

    private Span<byte> Append(OperationKind kind, int bodyBytes)
    {
        int length = OperationHeader.Bytes + ((bodyBytes + 7) & ~7);
        if (length > _bytes.Length - Length)
        {
            byte[] larger = new byte[Math.Max(2 * _bytes.Length, Length + length)];
            _bytes.CopyTo(larger, 0);
            _bytes = larger;
        }

        Span<byte> operation = _bytes.AsSpan(Length, length);
        operation.Clear();
        Structs.Write(operation, new OperationHeader { Kind = kind, Length = (uint)length });
        Length += length;
        return operation[OperationHeader.Bytes..];
    }
}
