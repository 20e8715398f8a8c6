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
        return Of(bytes);
    }

    /// <summary>Reads one; false where the text is none.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out ReplicationId id)
    {
        id = default;
        Span<byte> bytes = stackalloc byte[TextLength / 2];
        if (text.Length != TextLength
            || Convert.FromHexString(text, bytes, out _, out _) != System.Buffers.OperationStatus.Done)
        {
            return false;
        }

        id = Of(bytes);
        return true;
    }

    /// <summary>True where a text names it.</summary>
    public readonly bool Is(ReadOnlySpan<byte> text) =>
        Ascii.EqualsIgnoreCase(text, Encoding.ASCII.GetBytes(ToString()));

    private static ReplicationId Of(ReadOnlySpan<byte> bytes) => new()
    {
        _first = BinaryPrimitives.ReadUInt64BigEndian(bytes),
        _second = BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]),
        _third = BinaryPrimitives.ReadUInt32BigEndian(bytes[16..]),
    };

    public override readonly string ToString() => $"{_first:x16}{_second:x16}{(uint)_third:x8}";
}
