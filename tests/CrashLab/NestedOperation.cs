using System.Text;

namespace GuestMemFs.CrashLab;

/// <summary>What is done with collections that records own, as a server does it.</summary>
internal sealed record NestedOperation(string Name, Action<NestedPlace> Run, Action<NestedModel> Model)
    : LabOperation<NestedPlace, NestedModel>(Name, Run, Model)
{
    public const int MostNotes = 4;
    private const long Later = 2_000_000;

    public static readonly string[] Keys = ["a", "b"];

    /// <summary>Where numbers are noted that may be without an owner.</summary>
    public static readonly byte[] Notes = [0, 0, 0, 0, 0, 0, 0, 0, 1];

    public override string ToString() => Name;

    public static NestedOperation Create(string key, string entries) => new(
        $"create {key} {entries}",
        place =>
        {
            DropOld(place, key);
            Put(place, key, Fill(place, key, entries), 0);
        },
        model => model.Keys[key] = entries);

    public static NestedOperation Drop(string key) => new(
        $"drop {key}",
        place =>
        {
            DropOld(place, key);
            place.Nested.Owners.Remove(Bytes(key));
        },
        model => model.Keys.Remove(key));

    public static NestedOperation SetString(string key) => new(
        $"set {key} to a string",
        place =>
        {
            DropOld(place, key);
            place.Nested.Owners.Set(Bytes(key), "string"u8);
        },
        model => model.Keys[key] = "string");

    public static NestedOperation Add(string key, string entry) => new(
        $"add {entry} to {key}",
        place =>
        {
            if (place.Nested.Find(Bytes(key)) is not 0 and var id)
            {
                place.Together(() =>
                {
                    place.Nested.Section(id).Set(Bytes(entry), default);
                    place.Nested.Section(id, 2).Set(Bytes(entry), default);
                });
            }
        },
        model =>
        {
            if (model.Keys.TryGetValue(key, out string? entries) && entries != "string" && !entries.Contains(entry))
            {
                model.Keys[key] = string.Concat((entries + entry).Order());
            }
        });

    public static NestedOperation Rename(string from, string to) => new(
        $"rename {from} to {to}",
        place =>
        {
            if (place.Nested.Find(Bytes(from)) is not 0 and var id)
            {
                DropOld(place, to);
                place.Together(() =>
                {
                    place.Nested.Move(id, Bytes(to));
                    Put(place, to, id, 0);
                    place.Nested.Owners.Remove(Bytes(from));
                });
            }
        },
        model =>
        {
            if (model.Keys.TryGetValue(from, out string? entries) && entries != "string")
            {
                model.Keys.Remove(from);
                model.Keys[to] = entries;
            }
        });

    /// <summary>It expires, and the clock goes there and back.</summary>
    public static NestedOperation Expire(string key) => new(
        $"expire {key}",
        place =>
        {
            if (place.Nested.Find(Bytes(key)) is not 0 and var id)
            {
                DateTimeOffset at = DateTimeOffset.FromUnixTimeMilliseconds(place.Clock.Milliseconds);
                place.Nested.BeforeExpiry(id, at);
                place.Nested.Owners.Expire(Bytes(key), at);
            }
        },
        model =>
        {
            if (model.Keys.TryGetValue(key, out string? entries) && entries != "string")
            {
                model.Keys.Remove(key);
            }
        });

    /// <summary>It would expire later, and does not.</summary>
    public static NestedOperation ExpireLater(string key) => new(
        $"expire {key} later",
        place =>
        {
            if (place.Nested.Find(Bytes(key)) is not 0 and var id)
            {
                DateTimeOffset at = DateTimeOffset.FromUnixTimeMilliseconds(Later);
                place.Nested.BeforeExpiry(id, at);
                place.Nested.Owners.Expire(Bytes(key), at);
            }
        },
        _ => { });

    public static NestedOperation Clear() => new(
        "clear",
        place =>
        {
            place.Nested.BeforeClear();
            place.Nested.Owners.Clear();
        },
        model => model.Keys.Clear());

    public static NestedOperation Free() => new(
        "free",
        place => place.Nested.CollectGarbage(100),
        _ => { });

    public static NestedOperation Group(bool commit, params NestedOperation[] operations) => new(
        $"group [{string.Join(", ", operations.Select(operation => operation.Name))}] {(commit ? "commit" : "back")}",
        place =>
        {
            using AtomicGroup group = place.Heap.BeginAtomic();
            place.InGroup = true;
            foreach (NestedOperation operation in operations)
            {
                operation.Run(place);
            }

            place.InGroup = false;

            if (commit)
            {
                group.Commit();
            }
        },
        model =>
        {
            foreach (NestedOperation operation in commit ? operations : [])
            {
                operation.Model(model);
            }
        });

    /// <summary>What is under a key: nothing, a string, or the keys of a collection, which both orders have.</summary>
    public static string Show(NestedPlace place, string key)
    {
        long id = place.Nested.Find(Bytes(key));
        if (id == 0)
        {
            return place.Nested.Owners.Get(Bytes(key)) is { } value ? Encoding.UTF8.GetString(value) : "";
        }

        string first = Text(place.Nested.Section(id));
        return first == Text(place.Nested.Section(id, 2)) ? first : "two orders that differ";
    }

    private static string Text(PersistentSortedMapSection section)
    {
        StringBuilder text = new();
        foreach (SortedEntry entry in section.Scan())
        {
            text.Append(Encoding.UTF8.GetString(entry.Key));
        }

        return text.ToString();
    }

    private static void DropOld(NestedPlace place, string key)
    {
        if (place.Nested.Find(Bytes(key)) is not 0 and var old)
        {
            place.Nested.BeforeDrop(old);
        }
    }

    private static long Fill(NestedPlace place, string key, string entries)
    {
        long id = place.Nested.Begin(Bytes(key));
        foreach (char entry in entries)
        {
            place.Nested.Section(id).Set(Bytes($"{entry}"), default);
            place.Nested.Section(id, 2).Set(Bytes($"{entry}"), default);
        }

        return id;
    }

    private static void Put(NestedPlace place, string key, long id, long expiresAt)
    {
        Reference reference = new(id, expiresAt);
        place.Nested.Owners.Mutate(Bytes(key), ref reference);
        place.Nested.Complete(id);
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private readonly struct Reference(long id, long expiresAt) : IRecordMutation
    {
        public static bool ReadsCurrent => false;

        public RecordChange Decide(in RecordView current) =>
            RecordChange.Put(NestedCollections.ReferenceLength, expiresAt, RecordType.Set);

        public void Write(in RecordView current, Span<byte> value) => NestedCollections.WriteReference(value, id);
    }
}
