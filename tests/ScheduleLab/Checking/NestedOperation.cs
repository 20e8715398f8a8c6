using System.Globalization;
using System.Text;
using GuestMemFs.Collections;
using GuestMemFs.ScheduleLab.Running;

namespace GuestMemFs.ScheduleLab.Checking;

/// <summary>Collections that records of a dictionary own, changed by one thread, as documented, and read by any. Each
/// has one entry.</summary>
internal static class NestedOperation
{
    private const string Prefix = "nested:";

    private static ReadOnlySpan<byte> EntryKey => "k"u8;

    /// <summary>The owned collections of a beginning.</summary>
    public static Part Part { get; } = new("nested", (world, heap, elsewhere) =>
    {
        world.Nested = Opened(heap);
        world.NestedElsewhere = Opened(elsewhere);
    }, AddContent) { MoreRoots = ["owners"], Successors = [[Collect(8), Create("o", "the next's")]] };

    /// <summary>Makes a record own a collection, in the place of the one it may own.</summary>
    public static Operation Create(string owner, string entry)
    {
        byte[] key = Bytes(owner), value = Bytes(entry);
        return new($"nested-create {owner} {entry}", world =>
        {
            NestedCollections nested = world.Nested!;
            if (nested.Find(key) is not 0 and long old)
            {
                nested.BeforeDrop(old);
            }

            long id = nested.Begin(key);
            nested.Section(id).Set(EntryKey, value);
            NamesCollection names = new(id);
            nested.Owners.Mutate(key, ref names);
            nested.Complete(id);
            return "ok";
        }, (model, _, result) =>
        {
            model[Prefix + owner] = entry;
            return Operation.Is(result, "ok");
        });
    }

    public static Operation Drop(string owner)
    {
        byte[] key = Bytes(owner);
        return new($"nested-drop {owner}", world =>
        {
            if (world.Nested!.Find(key) is not 0 and long id)
            {
                world.Nested.BeforeDrop(id);
            }

            return world.Nested.Owners.Remove(key) ? "true" : "false";
        }, (model, _, result) =>
        {
            bool there = model[Prefix + owner] is not null;
            model[Prefix + owner] = null;
            return Operation.Is(result, there ? "true" : "false");
        });
    }

    public static Operation Put(string owner, string entry)
    {
        byte[] key = Bytes(owner), value = Bytes(entry);
        return new($"nested-put {owner} {entry}", world =>
        {
            long id = world.Nested!.Find(key);
            if (id != 0)
            {
                world.Nested.Section(id).Set(EntryKey, value);
            }

            return id != 0 ? "ok" : "none";
        }, (model, _, result) =>
        {
            bool there = model[Prefix + owner] is not null;
            if (there)
            {
                model[Prefix + owner] = entry;
            }

            return Operation.Is(result, there ? "ok" : null);
        });
    }

    public static Operation Clear() => new("nested-clear", world =>
    {
        world.Nested!.BeforeClear();
        world.Nested.Owners.Clear();
        return "ok";
    }, (model, _, result) =>
    {
        foreach (string name in model.Names.Where(name =>
            name.StartsWith(Prefix, StringComparison.Ordinal)).ToArray())
        {
            model[name] = null;
        }

        return Operation.Is(result, "ok");
    });

    public static Operation Collect(int entries) => new($"nested-collect {entries}", world =>
    {
        _ = world.Nested!.CollectGarbage(entries);
        return "ok";
    }, (_, _, _) => true);

    /// <summary>A reader that finds a collection empty looks at the record again.</summary>
    public static Operation Get(string owner, bool elsewhere = false)
    {
        byte[] key = Bytes(owner);
        return new($"nested-get{(elsewhere ? "-elsewhere" : "")} {owner}", world =>
        {
            NestedCollections nested = elsewhere ? world.NestedElsewhere! : world.Nested!;
            long id, again = 0;
            byte[]? entry;
            do
            {
                id = nested.Find(key);
                entry = id == 0 ? null : nested.Section(id).Get(EntryKey);
            }
            while (entry is null && id != 0 && (again = nested.Find(key)) != id);
            return entry is not null ? Encoding.UTF8.GetString(entry) : id == 0 ? "none" : $"{again} is empty";
        }, (model, _, result) => Operation.Is(result, model[Prefix + owner]), Writes: false) { Reads = true };
    }

    // All garbage goes, and then there is nothing but what records own, and the number of the last one.
    private static string? AddContent(World world, SortedDictionary<string, string> texts)
    {
        NestedCollections nested = world.Nested!;
        Visitor owners = new([]);
        for (ulong cursor = nested.Owners.Scan(0, 64, ref owners); cursor != 0;)
        {
            cursor = nested.Owners.Scan(cursor, 64, ref owners);
        }

        string[] names = [.. owners.Seen.Select(record => record.Split('=')[0])];
        foreach (string name in names)
        {
            long id = nested.Find(Bytes(name));
            texts.Add(Prefix + name, nested.Section(id).Get(EntryKey) is { } entry ? Encoding.UTF8.GetString(entry)
                : $"collection {id} is empty");
        }

        while (!nested.CollectGarbage(64))
        {
            // Until none is left.
        }

        long expected = (2 * names.Length) + (nested.Entries.ContainsKey(Number) ? 1 : 0);
        return nested.Entries.Count == expected && names.All(name => texts[Prefix + name] == Entry(nested, name)) ? null
            : $"{nested.Entries.Count} entries are left, and records own {expected} with the last number";
    }

    private static readonly byte[] s_number = new byte[sizeof(long) + 1];

    private static ReadOnlySpan<byte> Number => s_number;

    private static string? Entry(NestedCollections nested, string name) =>
        nested.Section(nested.Find(Bytes(name))).Get(EntryKey) is { } entry ? Encoding.UTF8.GetString(entry) : null;

    private static NestedCollections Opened(PersistentHeap heap) => NestedCollections.OpenOrCreate(
        heap,
        PersistentDictionary.OpenOrCreate(
            heap, "owners", new PersistentDictionaryOptions { TimeProvider = StoppedTime.Instance }),
        "nested",
        StoppedTime.Instance);

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private readonly struct NamesCollection(long id) : IRecordMutation
    {
        public RecordChange Decide(in RecordView current) =>
            RecordChange.Put(NestedCollections.ReferenceLength, type: RecordType.Hash);

        public void Write(in RecordView current, Span<byte> value) => NestedCollections.WriteReference(value, id);
    }
}
