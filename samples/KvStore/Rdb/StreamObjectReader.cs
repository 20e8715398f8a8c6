using KvStore.Memory;
using KvStore.Protocol;

namespace KvStore.Rdb;

/// <summary>
/// Reads streams of dumps: nodes of entries, each an id and a listpack, then what the stream keeps beside them, then
/// groups with what is to be acknowledged, and their consumers.
/// </summary>
/// <param name="input">The bytes.</param>
/// <param name="target">What is told of the stream.</param>
/// <param name="text">Takes strings.</param>
internal sealed class StreamObjectReader(RdbInput input, IDumpedStream target, GrowingBuffer text)
{
    private const int IsDeleted = 1;
    private const int HasSameFields = 2;

    // A node says the names of its fields once. What it means may not grow with the square of its bytes.
    private const long MostPerByte = 256;
    private const long MostOfAnyNode = 1 << 20;

    private StreamId _last;
    private ulong _count;
    private long _budget;

    public void Read(RdbType type)
    {
        for (ulong left = input.ReadLength(); left > 0; left--)
        {
            input.ReadString(text);
            if (text.Length != StreamId.Length)
            {
                throw new RdbFormatException("A node of a stream has no id.");
            }

            var first = StreamId.Read(text.Span);
            input.ReadString(text);
            ReadNode(first);
        }

        ReadFacts(type);
        for (ulong left = input.ReadLength(); left > 0; left--)
        {
            ReadGroup(type);
        }
    }

    /// <summary>
    /// A node: the numbers of its entries and of those deleted, names of fields with their number, 0; then entries.
    /// </summary>
    private void ReadNode(StreamId first)
    {
        ListpackReader node = new(text.Span);
        long count = NumberOfElements(ref node);
        long deleted = NumberOfElements(ref node);
        long names = NumberOfElements(ref node);
        ListpackReader fields = node;
        for (long left = names; left > 0; left--)
        {
            node.Next();
        }

        if (node.Next().Number() != 0)
        {
            throw new RdbFormatException("The names of a node's fields do not end.");
        }

        _budget = Math.Max(MostOfAnyNode, MostPerByte * text.Length);
        for (long left = count + deleted; left > 0; left--)
        {
            deleted -= ReadEntry(ref node, fields, names, first) ? 0 : 1;
        }

        if (deleted != 0 || node.MoveNext())
        {
            throw new RdbFormatException("A node of a stream does not have the entries that it says.");
        }
    }

    /// <summary>
    /// An entry: what it is, how far its id is from the node's, fields where they are others, values, and the number of
    /// all these. False for one that is deleted.
    /// </summary>
    private bool ReadEntry(ref ListpackReader node, ListpackReader fields, long names, StreamId first)
    {
        long flags = node.Next().Number();
        ulong time = first.Time + (ulong)node.Next().Number();
        var id = new StreamId(time, first.Sequence + (ulong)node.Next().Number());
        bool hasSame = (flags & HasSameFields) != 0;
        bool isThere = (flags & IsDeleted) == 0;
        long count = hasSame ? names : NumberOfElements(ref node);
        if (isThere)
        {
            Begin(id, count);
        }

        Span<byte> scratch = stackalloc byte[Numbers.MaxIntegerLength];
        for (long left = count; left > 0; left--)
        {
            PackedElement field = hasSame ? fields.Next() : node.Next();
            PackedElement value = node.Next();
            if (isThere)
            {
                Add(field.Text(scratch));
                Add(value.Text(scratch));
            }
        }

        if (node.Next().Number() != (hasSame ? count + 3 : (2 * count) + 4))
        {
            throw new RdbFormatException("An entry of a stream does not end with the number of its elements.");
        }

        if (isThere)
        {
            target.EndEntry();
        }

        return isThere;
    }

    private void Begin(StreamId id, long fields)
    {
        if (id <= _last || fields == 0)
        {
            throw new RdbFormatException("An entry of a stream is not behind the one before, or has no fields.");
        }

        _last = id;
        _count++;
        target.BeginEntry(id);
    }

    private void Add(ReadOnlySpan<byte> piece)
    {
        _budget -= piece.Length;
        if (_budget < 0)
        {
            throw new RdbFormatException("A node of a stream means far more than it has bytes.");
        }

        target.AddPiece(piece);
    }

    private long NumberOfElements(ref ListpackReader node)
    {
        long number = node.Next().Number();
        return number >= 0 && number <= text.Length
            ? number
            : throw new RdbFormatException("A number of elements of a stream cannot be.");
    }

    private void ReadFacts(RdbType type)
    {
        ulong count = input.ReadLength();
        StreamId last = ReadShortId();
        StreamId lastDeleted = StreamId.Zero;
        ulong added = count;
        if (type != RdbType.StreamListpacks)
        {
            _ = ReadShortId(); // the first entry's, which is known
            lastDeleted = ReadShortId();
            added = input.ReadLength();
        }

        if (count != _count || last < _last || added > long.MaxValue)
        {
            throw new RdbFormatException("A stream does not have the entries that it says.");
        }

        target.EndEntries(last, lastDeleted, added);
    }

    private void ReadGroup(RdbType type)
    {
        input.ReadString(text);
        StreamId last = ReadShortId();
        long? read = type == RdbType.StreamListpacks ? null : (long)input.ReadLength();
        if (read < -1 || !target.BeginGroup(text.Span, last, read))
        {
            throw new RdbFormatException("A group of a stream is there twice, or has read what cannot be.");
        }

        ulong pending = input.ReadLength();
        for (ulong left = pending; left > 0; left--)
        {
            StreamId id = ReadId();
            long deliveredAt = input.ReadInt64();
            ulong deliveries = input.ReadLength();
            if (deliveredAt < 0 || deliveries > long.MaxValue || !target.AddPending(id, deliveredAt, (long)deliveries))
            {
                throw new RdbFormatException("What a group has to acknowledge is there twice, or cannot be.");
            }
        }

        for (ulong left = input.ReadLength(); left > 0; left--)
        {
            pending -= ReadConsumer(type);
        }

        if (pending != 0)
        {
            throw new RdbFormatException("What a group has to acknowledge is of no consumer.");
        }
    }

    /// <summary>Reads a consumer; how many entries it has to acknowledge.</summary>
    private ulong ReadConsumer(RdbType type)
    {
        input.ReadString(text);
        long seen = input.ReadInt64();
        if (type == RdbType.StreamListpacks3)
        {
            _ = input.ReadInt64(); // when it got something last, which is not kept
        }

        if (seen < 0 || !target.BeginConsumer(text.Span, seen))
        {
            throw new RdbFormatException("A consumer of a group is there twice, or was seen when it cannot be.");
        }

        ulong count = input.ReadLength();
        for (ulong left = count; left > 0; left--)
        {
            if (!target.Claim(ReadId()))
            {
                throw new RdbFormatException("What a consumer has to acknowledge is not the group's.");
            }
        }

        return count;
    }

    private StreamId ReadId()
    {
        Span<byte> bytes = stackalloc byte[StreamId.Length];
        input.ReadBytes(bytes);
        return StreamId.Read(bytes);
    }

    private StreamId ReadShortId()
    {
        ulong time = input.ReadLength();
        return new StreamId(time, input.ReadLength());
    }
}
