using KvStore.Protocol;
using KvStore.Rdb;

namespace KvStore.Engine;

/// <summary>
/// Writes a stream as dumps have it (<see cref="StreamObjectReader"/>): nodes of entries, what it keeps beside them,
/// groups and consumers.
/// </summary>
internal sealed class StreamDump(EntryStream stream, RdbOutput output)
{
    private const int MostEntries = 100;
    private const int MostBytes = 4096;
    private const int HasSameFields = 2;

    private readonly PackedPieces _names = new();

    private StreamCursor AllEntries => stream.Range(StreamId.Zero, StreamId.Last, descends: false);

    public void Write()
    {
        output.Type(RdbType.StreamListpacks2);
        WriteNodes();
        output.Length(stream.Facts.Length);
        WriteShort(stream.Facts.LastId);
        WriteShort(stream.First);
        WriteShort(stream.Facts.LastDeleted);
        output.Length(stream.Facts.Added);
        output.Length(stream.Groups.Count);
        foreach (ConsumerGroup group in stream.Groups.All)
        {
            WriteGroup(group);
        }
    }

    private void WriteNodes()
    {
        List<int> nodes = CutIntoNodes();
        output.Length(nodes.Count);
        StreamCursor cursor = AllEntries;
        using ListpackWriter node = new();
        Span<byte> id = stackalloc byte[StreamId.Length];
        foreach (int entries in nodes)
        {
            StreamId first = StreamId.Zero;
            for (int i = 0; i < entries && cursor.MoveNext(); i++)
            {
                PackedPieces fields = cursor.Fields;
                if (i == 0)
                {
                    first = cursor.Id;
                    BeginNode(node, fields, entries);
                }

                AddEntry(node, first, cursor.Id, fields);
            }

            first.Write(id);
            output.String(id);
            output.String(node.End());
        }
    }

    /// <summary>How many entries each node has: a node says so in front of them.</summary>
    private List<int> CutIntoNodes()
    {
        List<int> nodes = [];
        int bytes = MostBytes;
        for (StreamCursor cursor = AllEntries; cursor.MoveNext();)
        {
            if (bytes >= MostBytes || nodes[^1] == MostEntries)
            {
                nodes.Add(0);
                bytes = 0;
            }

            nodes[^1]++;
            bytes += cursor.Fields.End;
        }

        return nodes;
    }

    private void BeginNode(ListpackWriter node, PackedPieces fields, int entries)
    {
        _names.Load(fields.Value);
        node.Begin();
        node.Add(entries);
        node.Add(0L); // deleted ones
        node.Add(fields.Count / 2);
        for (int at = PackedPieces.Start; at < fields.End; fields.Skip(ref at, 1))
        {
            node.Add(fields.Read(ref at));
        }

        node.Add(0L);
    }

    private void AddEntry(ListpackWriter node, StreamId first, StreamId id, PackedPieces fields)
    {
        bool hasSame = HasNames(fields);
        int count = fields.Count / 2;
        node.Add(hasSame ? HasSameFields : 0);
        node.Add((long)(id.Time - first.Time));
        node.Add((long)(id.Sequence - first.Sequence));
        if (!hasSame)
        {
            node.Add(count);
        }

        for (int at = PackedPieces.Start; at < fields.End;)
        {
            ReadOnlySpan<byte> name = fields.Read(ref at);
            if (!hasSame)
            {
                node.Add(name);
            }

            node.Add(fields.Read(ref at));
        }

        node.Add(hasSame ? count + 3 : (2 * count) + 4);
    }

    private bool HasNames(PackedPieces fields)
    {
        bool same = fields.Count == _names.Count;
        int other = PackedPieces.Start;
        for (int at = PackedPieces.Start; same && at < fields.End; fields.Skip(ref at, 1), _names.Skip(ref other, 1))
        {
            same = fields.Read(ref at).SequenceEqual(_names.Read(ref other));
        }

        return same;
    }

    private void WriteGroup(ConsumerGroup group)
    {
        output.String(group.Name);
        WriteShort(group.LastId);
        output.Length(group.EntriesRead);
        output.Length(group.PendingCount);
        foreach (PendingEntry entry in group.Pending(StreamId.Zero, StreamId.Last))
        {
            WriteId(entry.Id);
            output.Int64(entry.DeliveredAt);
            output.Length(entry.Deliveries);
        }

        output.Length(group.ConsumerCount);
        foreach (Consumer consumer in group.Consumers)
        {
            output.String(consumer.Name);
            output.Int64(consumer.Seen);
            output.Length(group.CountPendingOf(consumer));
            foreach (PendingEntry entry in group.PendingOf(consumer, StreamId.Zero, StreamId.Last))
            {
                WriteId(entry.Id);
            }
        }
    }

    private void WriteId(StreamId id) => id.Write(output.Bytes.Append(StreamId.Length));

    private void WriteShort(StreamId id)
    {
        output.Length(id.Time);
        output.Length(id.Sequence);
    }
}
