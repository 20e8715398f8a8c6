using GuestMemFs;
using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>OBJECT: what a key's value is kept as, in Redis's words.</summary>
internal static class Objects
{
    private const int LongestEmbedded = 44;

    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("generic",
    [
        new("object", -2, NoFlags, KeySpec.None, null)
        {
            Since = "2.2.3",
            Summary = "A container for object introspection commands",
            Subcommands =
            [
                new("object|encoding", 3, ReadOnly, new KeySpec(2, 2, 1), Encoding)
                {
                    KeyAccess = KeyAccess.Exists,
                    Since = "2.2.3",
                    Summary = "Inspect the internal encoding of a Redis object",
                },
                new("object|refcount", 3, ReadOnly, new KeySpec(2, 2, 1), RefCount)
                {
                    KeyAccess = KeyAccess.Exists,
                    Since = "2.2.3",
                    Summary = "Get the number of references to the value of the key",
                },
            ],
        },
    ]);

    public static void Encoding(in Call call)
    {
        var reader = default(Reader);
        if (!call.Keys.TryRead(call.Args[2], ref reader))
        {
            call.Reply.Null();
            return;
        }

        call.Reply.Bulk(reader.Type == RecordType.Set ? SetEncoding(call) : reader.Encoding);
    }

    public static void RefCount(in Call call)
    {
        var facts = default(FactsReader);
        if (call.Keys.TryRead(call.Args[2], ref facts))
        {
            call.Reply.Integer(1);
        }
        else
        {
            call.Reply.Null();
        }
    }

    private static ReadOnlySpan<byte> SetEncoding(in Call call) =>
        call.Engine.Set.TryOpen(call.Args[2]) && call.Engine.Set.IsPackedInteger() ? "intset"u8 : "hashtable"u8;

    private ref struct Reader : IRecordReader
    {
        public RecordType Type { get; private set; }

        public ReadOnlySpan<byte> Encoding { get; private set; }

        public void Read(in RecordView record)
        {
            Type = record.Type;
            bool isLarge = NestedCollections.TryGetReference(record, out _);
            Encoding = Type switch
            {
                RecordType.Hash => isLarge ? "hashtable"u8 : "listpack"u8,
                RecordType.SortedSet => isLarge ? "skiplist"u8 : "listpack"u8,
                RecordType.List => "quicklist"u8,
                RecordType.Stream => "stream"u8,
                _ when record.IsInteger || Numbers.TryParse(record.Value, out _) => "int"u8,
                _ => record.Value.Length <= LongestEmbedded ? "embstr"u8 : "raw"u8,
            };
        }
    }
}
