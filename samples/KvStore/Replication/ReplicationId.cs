using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace KvStore.Replication;

/// <summary>Names a history of changes: 20 random bytes, which clients see as 40 digits.</summary>
[StructLayout(LayoutKind.Sequential)]
internal record struct ReplicationId
{
    /// <summary>How many digits it has as text.</summary>
    public const int TextLength = 40;

    private ulong _first;
    private ulong _second;
    private ulong _third; // four bytes; a whole word, so that no byte of it is padding

    /// <summary>A new one.</summary>
    public static ReplicationId Random()
    {
        Span<byte> bytes = stackalloc byte[TextLength / 2];
        RandomNumberGenerator.Fill(bytes);
        return new()
        {
            _first = BinaryPrimitives.ReadUInt64BigEndian(bytes),
            _second = BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]),
            _third = BinaryPrimitives.ReadUInt32BigEndian(bytes[16..]),
        };
    }

    /// <summary>True where a text names it.</summary>
    public readonly bool Is(ReadOnlySpan<byte> text) =>
        Ascii.EqualsIgnoreCase(text, Encoding.ASCII.GetBytes(ToString()));

    public override readonly string ToString() => $"{_first:x16}{_second:x16}{(uint)_third:x8}";
}
