using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace GuestMemFs.Format;

/// <summary>
/// Who the newest writer is, for the message that a second one gets. The lock and the epoch decide; this only tells.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal unsafe struct WriterRecord
{
    public const int Bytes = 56;

    private const int ChecksumAt = 48;

    [FieldOffset(0)] public ulong ProcessId;
    [FieldOffset(8)] public ulong ProcessStart;
    [FieldOffset(16)] public Guid BootId;
    [FieldOffset(32)] public long SinceUnixMilliseconds;
    [FieldOffset(40)] public ulong Epoch;
    [FieldOffset(ChecksumAt)] public uint Crc;
    [FieldOffset(52)] public uint Padding;

    private readonly uint ComputeCrc()
    {
        WriterRecord copy = this;
        return Checksum.Of(new ReadOnlySpan<byte>(&copy, ChecksumAt));
    }

    /// <summary>Writes the record.</summary>
    public readonly void WriteTo(byte* at)
    {
        WriterRecord copy = this;
        copy.Crc = copy.ComputeCrc();
        Persist.Copy(at, new ReadOnlySpan<byte>(&copy, Bytes));
    }

    /// <summary>Reads it, where it is whole: a writer may be at it this moment.</summary>
    public static bool TryRead(byte* at, out WriterRecord record)
    {
        record = Unsafe.ReadUnaligned<WriterRecord>(at);
        return record.Crc == record.ComputeCrc() && record.ProcessId is not 0 and <= int.MaxValue
            && UnixTime.IsTime(record.SinceUnixMilliseconds);
    }
}
