using System.Buffers.Binary;
using KvStore.Protocol;

namespace KvStore.Engine;

/// <summary>What a stream keeps beside its entries, in one record that changes in one group with them.</summary>
internal record struct StreamFacts
{
    /// <summary>Bytes of the record: three ids, four numbers.</summary>
    public const int Size = (3 * StreamId.Length) + (4 * sizeof(long));

    private const int Numbers = 3 * StreamId.Length;

    /// <summary>The highest id that an entry ever had, or that was set.</summary>
    public StreamId LastId { get; set; }

    /// <summary>The highest id that XDEL removed.</summary>
    public StreamId LastDeleted { get; set; }

    /// <summary>Entries up to this one are trimmed: what is left of them is freed in the background.</summary>
    public StreamId TrimmedTo { get; set; }

    /// <summary>How many entries it has.</summary>
    public long Length { get; set; }

    /// <summary>How many it ever had.</summary>
    public long Added { get; set; }

    /// <summary>The number of the last group that was created.</summary>
    public long LastGroup { get; set; }

    /// <summary>How many groups were destroyed and are not freed yet.</summary>
    public long Destroyed { get; set; }

    /// <summary>True where something is to be freed in the background.</summary>
    public readonly bool HasLeftovers => TrimmedTo != StreamId.Zero || Destroyed > 0;

    public static StreamFacts Read(ReadOnlySpan<byte> bytes) => new()
    {
        LastId = StreamId.Read(bytes),
        LastDeleted = StreamId.Read(bytes[StreamId.Length..]),
        TrimmedTo = StreamId.Read(bytes[(2 * StreamId.Length)..]),
        Length = BinaryPrimitives.ReadInt64BigEndian(bytes[Numbers..]),
        Added = BinaryPrimitives.ReadInt64BigEndian(bytes[(Numbers + sizeof(long))..]),
        LastGroup = BinaryPrimitives.ReadInt64BigEndian(bytes[(Numbers + (2 * sizeof(long)))..]),
        Destroyed = BinaryPrimitives.ReadInt64BigEndian(bytes[(Numbers + (3 * sizeof(long)))..]),
    };

    public readonly void Write(Span<byte> to)
    {
        LastId.Write(to);
        LastDeleted.Write(to[StreamId.Length..]);
        TrimmedTo.Write(to[(2 * StreamId.Length)..]);
        BinaryPrimitives.WriteInt64BigEndian(to[Numbers..], Length);
        BinaryPrimitives.WriteInt64BigEndian(to[(Numbers + sizeof(long))..], Added);
        BinaryPrimitives.WriteInt64BigEndian(to[(Numbers + (2 * sizeof(long)))..], LastGroup);
        BinaryPrimitives.WriteInt64BigEndian(to[(Numbers + (3 * sizeof(long)))..], Destroyed);
    }
}
