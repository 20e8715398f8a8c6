using System.Buffers.Binary;

namespace GuestMemFs.Dumps;

/// <summary>
/// What the last block of a dump of version 2 holds: what is known only at the instant whose bytes the dump has.
/// </summary>
/// <param name="Length">The region's length then.</param>
/// <param name="Copied">How many of its first bytes are in the dump.</param>
/// <param name="Taken">When it was.</param>
/// <param name="Pause">How long writers waited.</param>
internal readonly record struct DumpTrailer(long Length, long Copied, DateTimeOffset Taken, TimeSpan Pause)
{
    public const int Bytes = 32;

    public void WriteTo(Span<byte> to)
    {
        BinaryPrimitives.WriteInt64LittleEndian(to, Length);
        BinaryPrimitives.WriteInt64LittleEndian(to[8..], Copied);
        BinaryPrimitives.WriteInt64LittleEndian(to[16..], Taken.ToUnixTimeMilliseconds());
        BinaryPrimitives.WriteInt64LittleEndian(to[24..], (long)Pause.TotalMicroseconds);
    }

    /// <summary>Reads a trailer.</summary>
    /// <exception cref="DumpDamagedException">It says what cannot be.</exception>
    public static DumpTrailer Read(ReadOnlySpan<byte> from, DumpHeader header, string file)
    {
        long length = BinaryPrimitives.ReadInt64LittleEndian(from);
        long copied = BinaryPrimitives.ReadInt64LittleEndian(from[8..]);
        long taken = BinaryPrimitives.ReadInt64LittleEndian(from[16..]);
        long pause = BinaryPrimitives.ReadInt64LittleEndian(from[24..]);
        return length >= header.Length && copied >= header.Stored && copied <= length
            && taken >= DateTimeOffset.MinValue.ToUnixTimeMilliseconds()
            && taken <= DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()
            && pause >= 0 && pause <= (long)TimeSpan.MaxValue.TotalMicroseconds
            ? new DumpTrailer(length, copied, DateTimeOffset.FromUnixTimeMilliseconds(taken),
                TimeSpan.FromMicroseconds(pause))
            : throw new DumpDamagedException(file, $"has an end that says what cannot be: {copied} bytes of {length}.");
    }
}
