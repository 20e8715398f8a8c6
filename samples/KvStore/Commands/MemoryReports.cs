using System.Globalization;
using GuestMemFs;
using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>MEMORY, and what only tools and jokers ask.</summary>
internal static class MemoryReports
{
    /// <summary>A record's header, and its slot in the table.</summary>
    private const int RecordOverhead = 24;

    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("server",
    [
        new("memory", -2, NoFlags, KeySpec.None, null)
        {
            Since = "4.0.0",
            Summary = "A container for memory diagnostics commands",
            Subcommands =
            [
                HelpTexts.Of("memory", "4.0.0"),
                new("memory|usage", -3, ReadOnly, new KeySpec(2, 2, 1), Usage)
                {
                    KeyAccess = KeyAccess.Exists,
                    Since = "4.0.0",
                    Summary = "Estimate the memory usage of a key",
                },
                new("memory|stats", 2, NoFlags, KeySpec.None, Stats)
                    { Since = "4.0.0", Summary = "Show memory usage details" },
                new("memory|doctor", 2, NoFlags, KeySpec.None, Doctor)
                    { Since = "4.0.0", Summary = "Outputs memory problems report" },
                new("memory|malloc-stats", 2, NoFlags, KeySpec.None, MallocStats)
                    { Since = "4.0.0", Summary = "Show allocator internal stats" },
                new("memory|purge", 2, NoFlags, KeySpec.None, Purge)
                    { Since = "4.0.0", Summary = "Ask the allocator to release memory" },
            ],
        },
        new("lolwut", -1, ReadOnly | Fast, KeySpec.None, LolWut)
            { Since = "5.0.0", Summary = "Display the server's version" },
    ]);

    public static void Usage(in Call call)
    {
        for (int i = 3; i < call.Args.Count; i += 2)
        {
            if (!call.Args.Is(i, "samples"u8) || i + 1 == call.Args.Count
                || !Numbers.TryParse(call.Args[i + 1], out long samples) || samples < 0)
            {
                call.Reply.Error(Errors.Syntax);
                return;
            }
        }

        var facts = default(FactsReader);
        if (!call.Keys.TryRead(call.Args[2], ref facts))
        {
            call.Reply.Null();
            return;
        }

        long bytes = RecordOverhead + call.Args[2].Length + facts.BytesIn(call.Engine.Keyspace.Nested);
        if (facts.Id != 0 && facts.Type != RecordType.String && call.Engine.Keyspace.Nested is { } nested)
        {
            // Each of its entries at what an entry takes on the average.
            long all = Math.Max(1, nested.Entries.CountRange(NestedCollections.First, default));
            long entries = nested.Section(facts.Id, 1).Count + nested.Section(facts.Id, 2).Count;
            bytes += entries * nested.Entries.RecordBytes / all;
        }

        call.Reply.Integer(bytes);
    }

    public static void Stats(in Call call)
    {
        long keys = call.Keys.Count;
        long records = call.Engine.Databases.RecordBytes;
        (string Name, long Value)[] facts =
        [
            ("total.allocated", records),
            ("clients.normal", call.Engine.Server.Sessions.Sum(it => it.KeptBytes + it.InputRoom + it.Reply.Pending)),
            ("tracking.table", call.Engine.Tracking.Bytes),
            ("managed.allocated", GC.GetTotalMemory(false)),
            ("overhead.total", records - call.Keys.RecordBytes),
            ("keys.count", keys),
            ("keys.bytes-per-key", keys == 0 ? 0 : records / keys),
            ("dataset.bytes", records),
        ];
        (string Name, string Value)[] allocator = [.. call.Engine.Keyspace.MemoryFacts()];
        call.Reply.Map(facts.Length + allocator.Length);
        foreach ((string name, long value) in facts)
        {
            call.Reply.Bulk(name);
            call.Reply.Integer(value);
        }

        foreach ((string name, string value) in allocator)
        {
            call.Reply.Bulk(name.Replace('_', '.'));
            call.Reply.Bulk(value);
        }
    }

    public static void Doctor(in Call call)
    {
        (string Name, string Value)[] facts = [.. call.Engine.Keyspace.MemoryFacts()];
        string ratio = facts.First(it => it.Name == "allocator_frag_ratio").Value;
        bool isScattered = double.Parse(ratio, CultureInfo.InvariantCulture) > 1.4;
        call.Reply.Verbatim(isScattered
            ? $"Free memory is scattered among records (allocator_frag_ratio {ratio}). It is put together in the "
                + "background, once more than half of the store is in use: nothing is to be done.\n"
            : "The store has no problem with its memory that could be told from here.\n");
    }

    public static void MallocStats(in Call call) => call.Reply.Verbatim(string.Concat(
        call.Engine.Keyspace.MemoryFacts().Select(it => $"{it.Name}:{it.Value}\n")));

    public static void Purge(in Call call)
    {
        call.Engine.FreeGarbage();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        call.Reply.Ok();
    }

    public static void LolWut(in Call call) => call.Reply.Verbatim($"Redis ver. {Info.CompatibleVersion}\n");
}
