using GuestMemFs;
using KvStore.Protocol;
using KvStore.Rdb;

namespace KvStore.Engine;

/// <summary>
/// Writes what a key has as dumps have it: in the plainest form of each type, which every reader takes, and makes of it
/// the one that it likes best.
/// </summary>
internal sealed class ObjectDump(KvEngine engine, RdbOutput output)
{
    /// <summary>The version of the format that has what was written.</summary>
    public int Version { get; private set; } = DumpPayload.Version;

    /// <summary>Writes type and content of what a key has; false where it has nothing.</summary>
    public bool TryWrite(ReadOnlySpan<byte> key)
    {
        // The one place that reads a string.
        StringWriter writer = new(output, engine.Keyspace);
        if (!engine.Keys.TryRead(key, ref writer))
        {
            return false;
        }

        return writer.IsString || TryWriteCollection(CollectionOf(writer.Type), key);
    }

    private bool TryWriteCollection(Collection collection, ReadOnlySpan<byte> key)
    {
        if (!collection.TryOpen(key) || !collection.Exists)
        {
            return false;
        }

        switch (collection)
        {
            case FieldMap map when map == engine.Hash:
                WriteHash(map);
                break;
            case FieldMap map:
                WriteSet(map);
                break;
            case ElementList list:
                WriteList(list);
                break;
            case ScoredSet set:
                WriteSortedSet(set);
                break;
            default:
                new StreamDump(engine.Stream, output).Write();
                break;
        }

        return true;
    }

    private Collection CollectionOf(RecordType type) => type switch
    {
        RecordType.Hash => engine.Hash,
        RecordType.List => engine.List,
        RecordType.Set => engine.Set,
        RecordType.SortedSet => engine.SortedSet,
        _ => engine.Stream,
    };

    private void WriteHash(FieldMap hash)
    {
        long earliest = long.MaxValue;
        for (FieldCursor cursor = hash.Scan(); hash.NotedTime != FieldTimes.Never && cursor.MoveNext();)
        {
            earliest = cursor.Time == FieldTimes.Never ? earliest : Math.Min(earliest, cursor.Time);
        }

        bool isTimed = earliest != long.MaxValue;
        output.Type(isTimed ? RdbType.HashMetadata : RdbType.Hash);
        if (isTimed)
        {
            Version = DumpPayload.LatestVersion;
            output.Int64(earliest);
        }

        output.Length(hash.Count);
        for (FieldCursor cursor = hash.Scan(); cursor.MoveNext();)
        {
            if (isTimed)
            {
                output.Length(cursor.Time == FieldTimes.Never ? 0 : cursor.Time - earliest + 1);
            }

            output.String(cursor.Field);
            output.String(cursor.Value);
        }
    }

    private void WriteList(ElementList list)
    {
        output.Type(RdbType.List);
        output.Length(list.Count);
        for (ListCursor cursor = list.From(0); cursor.MoveNext();)
        {
            output.String(cursor.Element);
        }
    }

    private void WriteSet(FieldMap set)
    {
        output.Type(RdbType.Set);
        output.Length(set.Count);
        for (FieldCursor cursor = set.Scan(); cursor.MoveNext();)
        {
            output.String(cursor.Field);
        }
    }

    private void WriteSortedSet(ScoredSet set)
    {
        output.Type(RdbType.SortedSet2);
        output.Length(set.Count);
        foreach (Scored each in set.MembersFrom(default))
        {
            output.String(each.Member);
            output.Double(each.Score);
        }
    }

    /// <summary>Writes a string, and learns the type of what is none.</summary>
    private struct StringWriter(RdbOutput output, Keyspace keyspace) : IRecordReader
    {
        private readonly int _start = output.Bytes.Length;

        public RecordType Type { get; private set; }

        public bool IsString { get; private set; }

        public void Read(in RecordView record)
        {
            Type = record.Type;
            IsString = !StringValue.IsWrong(record);
            if (IsString)
            {
                output.Bytes.CutTo(_start);
                output.Type(RdbType.String);
                Span<byte> scratch = stackalloc byte[Numbers.MaxIntegerLength];
                output.String(StringValue.Of(record, keyspace, scratch).AsSpan());
            }
        }
    }
}
