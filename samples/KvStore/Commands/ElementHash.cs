using System.Buffers.Binary;

namespace KvStore.Commands;

/// <summary>MurmurHash64A, as Redis hashes the elements of its HyperLogLogs.</summary>
internal static class ElementHash
{
    private const ulong Seed = 0xADC8_3B19;
    private const ulong Multiplier = 0xC6A4_A793_5BD1_E995;
    private const int Shift = 47;

    public static ulong Of(ReadOnlySpan<byte> element)
    {
        ulong hash = Seed ^ ((ulong)element.Length * Multiplier);
        for (; element.Length >= sizeof(ulong); element = element[sizeof(ulong)..])
        {
            ulong word = BinaryPrimitives.ReadUInt64LittleEndian(element) * Multiplier;
            word = (word ^ (word >> Shift)) * Multiplier;
            hash = (hash ^ word) * Multiplier;
        }

        if (!element.IsEmpty)
        {
            Span<byte> rest = stackalloc byte[sizeof(ulong)];
            rest.Clear();
            element.CopyTo(rest);
            hash = (hash ^ BinaryPrimitives.ReadUInt64LittleEndian(rest)) * Multiplier;
        }

        hash = (hash ^ (hash >> Shift)) * Multiplier;
        return hash ^ (hash >> Shift);
    }
}
