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
                HelpTexts.Of("object", "6.2.0"),
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
                new("object|freq", 3, ReadOnly, new KeySpec(2, 2, 1), Frequency)
                {
                    KeyAccess = KeyAccess.Exists,
                    Since = "4.0.0",
                    Summary = "Get the logarithmic access frequency counter of a Redis object",
                },
                new("object|idletime", 3, ReadOnly, new KeySpec(2, 2, 1), IdleTime)
                {
                    KeyAccess = KeyAccess.Exists,
                    Since = "2.2.3",
                    Summary = "Get the time since a Redis object was last accessed",
                },
            ],
        },
    ]);

    public static void Encoding(in Call call)
    {
        ReadOnlySpan<byte> encoding = EncodingOf(call, call.Args[2]);
        if (encoding.IsEmpty)
        {
            call.Reply.Null();
            return;
        }

        call.Reply.Bulk(encoding);
    }

    /// <summary>What a key's value is kept as; empty where there is no key.</summary>
    public static ReadOnlySpan<byte> EncodingOf(in Call call, ReadOnlySpan<byte> key)
    {
        var reader = default(Reader);
        return !call.Keys.TryRead(key, ref reader) ? default
            : reader.Type == RecordType.Set ? SetEncoding(call)
            : reader.Encoding;
    }

    public static void RefCount(in Call call)
    {
        if (Has(call))
        {
            call.Reply.Integer(1);
        }
        else
        {
            call.Reply.Null();
        }
    }

    public static void Frequency(in Call call)
    {
        if (!Has(call))
        {
            call.Reply.Null();
        }
        else if (call.Engine.Usage is { CountsUses: true } usage)
        {
            call.Reply.Integer(usage.Frequency(call.Engine.Databases.Selected, call.Args[2]));
        }
        else
        {
            call.Reply.Error(
                "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when "u8
                + "switching between policies at runtime LRU and LFU data will take some time to adjust."u8);
        }
    }

    /// <summary>Since when a key was not used, as far as that is known: it is from the first question on.</summary>
    public static void IdleTime(in Call call)
    {
        if (!Has(call))
        {
            call.Reply.Null();
        }
        else if (call.Engine.Options.Policy.IsLfu())
        {
            call.Reply.Error(
                "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching "u8
                + "between policies at runtime LRU and LFU data will take some time to adjust."u8);
        }
        else
        {
            call.Engine.Evictable.FollowPolicy(needsTimes: true);
            Database database = call.Engine.Databases.Selected;
            call.Reply.Integer(call.Engine.Usage!.IdleMilliseconds(database, call.Args[2]) / 1000);
        }
    }

    private static bool Has(in Call call) => call.Engine.Databases.Selected.Has(call.Args[2]);

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
                RecordType.Hash when isLarge => "hashtable"u8,
                RecordType.Hash => record.Value[0] == PackedPieces.TimesMark ? "listpackex"u8 : "listpack"u8,
                RecordType.SortedSet => isLarge ? "skiplist"u8 : "listpack"u8,
                RecordType.List => "quicklist"u8,
                RecordType.Stream => "stream"u8,
                RecordType.Bytes => "raw"u8,
                _ when record.IsInteger || Numbers.TryParse(record.Value, out _) => "int"u8,
                _ => record.Value.Length <= LongestEmbedded ? "embstr"u8 : "raw"u8,
            };
        }
    }
}
