using System.Text;

namespace GuestMemFs.CrashLab;

/// <summary>What is done with collections that records own, as a server does it.</summary>
internal sealed record NestedOperation(string Name, Action<NestedPlace> Run, Action<NestedModel> Model)
    : LabOperation<NestedPlace, NestedModel>(Name, Run, Model)
{
    public const int MostNotes = 4;
    private const long Later = 2_000_000;
    private const string BytesMark = "bytes ";
    private const int BytesLength = 20_000;

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

    /// <summary>Bytes in chunks under a key, 20,000 of a letter in two of them.</summary>
    public static NestedOperation CreateBytes(string key, char letter) => new(
        $"create bytes {letter} under {key}",
        place =>
        {
            DropOld(place, key);
            long id = place.Nested.BeginBytes(Bytes(key));
            place.Nested.Bytes(id).Write(0, Letters(letter));
            Put(place, key, id, 0, RecordType.Bytes);
        },
        model => model.Keys[key] = BytesMark + letter);

    /// <summary>Writes a letter over all bytes of a key, which are those of several chunks.</summary>
    public static NestedOperation Overwrite(string key, char letter) => new(
        $"write {letter} over {key}",
        place =>
        {
            if (IsBytes(place, key, out long id))
            {
                place.Nested.Bytes(id).Write(0, Letters(letter));
            }
        },
        model =>
        {
            if (model.Keys.TryGetValue(key, out string? old) && old.StartsWith(BytesMark, StringComparison.Ordinal))
            {
                model.Keys[key] = BytesMark + letter + old[(BytesMark.Length + 1)..];
            }
        });

    /// <summary>Writes one letter behind the bytes of a key.</summary>
    public static NestedOperation Append(string key, char letter) => new(
        $"append {letter} to {key}",
        place =>
        {
            if (IsBytes(place, key, out long id))
            {
                place.Nested.Bytes(id).Append([(byte)letter]);
            }
        },
        model =>
        {
            if (model.Keys.TryGetValue(key, out string? old) && old.StartsWith(BytesMark, StringComparison.Ordinal))
            {
                model.Keys[key] = old + letter;
            }
        });

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
        OperationGroup.Name(commit, operations.Select(operation => operation.Name)),
        place => OperationGroup.Run(place.Heap, commit, () =>
        {
            place.InGroup = true;
            Array.ForEach(operations, operation => operation.Run(place));
            place.InGroup = false;
        }),
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

        if (IsBytes(place, key, out _))
        {
            return ShowBytes(place.Nested.Bytes(id));
        }

        string first = Text(place.Nested.Section(id));
        return first == Text(place.Nested.Section(id, 2)) ? first : "two orders that differ";
    }

    private static string ShowBytes(PersistentBytes bytes)
    {
        byte[] all = new byte[bytes.Length];
        bytes.Read(0, all);
        byte[] letters = [.. all.AsSpan(0, Math.Min(all.Length, BytesLength)).ToArray().Distinct()];
        return BytesMark + Encoding.UTF8.GetString([.. letters, .. all.AsSpan(Math.Min(all.Length, BytesLength))]);
    }

    private static bool IsBytes(NestedPlace place, string key, out long id)
    {
        TypeReader reader = default;
        id = place.Nested.Owners.TryRead(Bytes(key), ref reader) && reader.Type == RecordType.Bytes
            ? place.Nested.Find(Bytes(key))
            : 0;
        return id != 0;
    }

    private static byte[] Letters(char letter)
    {
        byte[] letters = new byte[BytesLength];
        Array.Fill(letters, (byte)letter);
        return letters;
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

    private static void Put(
        NestedPlace place, string key, long id, long expiresAt, RecordType type = RecordType.Set)
    {
        Reference reference = new(id, expiresAt, type);
        place.Nested.Owners.Mutate(Bytes(key), ref reference);
        place.Nested.Complete(id);
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private struct TypeReader : IRecordReader
    {
        public RecordType Type { get; private set; }

        public void Read(in RecordView record) => Type = record.Type;
    }

    private readonly struct Reference(long id, long expiresAt, RecordType type) : IRecordMutation
    {
        public static bool ReadsCurrent => false;

        public RecordChange Decide(in RecordView current) =>
            RecordChange.Put(NestedCollections.ReferenceLength, expiresAt, type);

        public void Write(in RecordView current, Span<byte> value) => NestedCollections.WriteReference(value, id);
    }
}
