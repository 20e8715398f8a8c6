using System.Buffers.Binary;
using System.Text;

namespace GuestMemFs.Typed;

/// <summary>What a table's catalog says of one index.</summary>
/// <remarks>Under the key 0 and the name: the number (1 to 255), flags, a word for the build, and the shape.</remarks>
/// <param name="Name">Its name.</param>
/// <param name="Number">The first byte of its entries' keys.</param>
/// <param name="IsUnique">True where a key has one value at most.</param>
/// <param name="IsReady">True where all of the table is in it.</param>
/// <param name="Cursor">How far the table was walked, where it is not ready.</param>
/// <param name="Shape">Of its keys.</param>
internal sealed record IndexEntry(
    string Name, byte Number, bool IsUnique, bool IsReady, ulong Cursor, string Shape)
{
    public const byte CatalogPrefix = 0;
    public const int LongestName = 63;
    private const int Fixed = 2 + sizeof(ulong);
    private const byte Unique = 1;
    private const byte Ready = 2;
    private const byte Dropping = 4;

    /// <summary>True where its entries are being removed: no change keeps them, nothing uses them.</summary>
    public bool IsDropping { get; init; }

    public byte[] Key => [CatalogPrefix, .. Encoding.UTF8.GetBytes(Name)];

    public byte[] Value
    {
        get
        {
            byte[] value = new byte[Fixed + Encoding.UTF8.GetByteCount(Shape)];
            value[0] = Number;
            value[1] = (byte)((IsUnique ? Unique : 0) | (IsReady ? Ready : 0) | (IsDropping ? Dropping : 0));
            BinaryPrimitives.WriteUInt64LittleEndian(value.AsSpan(2), Cursor);
            Encoding.UTF8.GetBytes(Shape, value.AsSpan(Fixed));
            return value;
        }
    }

    /// <exception cref="FormatException">It is none.</exception>
    public static IndexEntry Read(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) =>
        value.Length > Fixed && value[0] != CatalogPrefix
            ? new(Encoding.UTF8.GetString(key[1..]), value[0], (value[1] & Unique) != 0, (value[1] & Ready) != 0,
                BinaryPrimitives.ReadUInt64LittleEndian(value[2..]), Encoding.UTF8.GetString(value[Fixed..]))
            {
                IsDropping = (value[1] & Dropping) != 0,
            }
            : throw new FormatException($"An index '{Encoding.UTF8.GetString(key[1..])}' is described by "
                + $"{value.Length} bytes that are no index's. Something other than the table wrote them.");
}
