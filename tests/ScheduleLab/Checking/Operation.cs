using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using GuestMemFs.ScheduleLab.Running;
using GuestMemFs.ScheduleLab.Seam;

namespace GuestMemFs.ScheduleLab.Checking;

/// <summary>What the operations of a schedule work on.</summary>
internal sealed class World
{
    public required PersistentHeap Heap { get; init; }

    public required PersistentDictionary Dictionary { get; init; }

    /// <summary>The dictionary as a reader in another process sees it.</summary>
    public required PersistentDictionary Elsewhere { get; init; }

    public required PersistentRoot<Objects> Objects { get; init; }

    /// <summary>A sorted map, where the scenario has one; and as a reader in another process sees it.</summary>
    public PersistentSortedMap? Map { get; set; }

    public PersistentSortedMap? MapElsewhere { get; set; }

    /// <summary>Linked objects, where the scenario has them, and a root that is set whole.</summary>
    public PersistentRoot<NodeList> Nodes { get; set; }

    public PersistentRoot<long> Number { get; set; }

    /// <summary>A log, where the scenario has one; and as a reader in another process sees it.</summary>
    public PersistentLog? Log { get; set; }

    public PersistentLog? LogElsewhere { get; set; }

    /// <summary>A list, where the scenario has one; and as a reader in another process sees it.</summary>
    public PersistentList? List { get; set; }

    public PersistentList? ListElsewhere { get; set; }

    /// <summary>A set, bytes or a bitmap, where the scenario has one; and as a reader in another process sees
    /// it.</summary>
    public PersistentSet? Set { get; set; }

    public PersistentSet? SetElsewhere { get; set; }

    public PersistentBytes? Bytes { get; set; }

    public PersistentBytes? BytesElsewhere { get; set; }

    public PersistentBitmap? Bitmap { get; set; }

    public PersistentBitmap? BitmapElsewhere { get; set; }

    /// <summary>A priority queue, where the scenario has one, and what each thread has leased of it.</summary>
    public PersistentPriorityQueue? Queue { get; set; }

    public QueueLease?[] Leases { get; } = new QueueLease?[3];

    /// <summary>Collections that records own, where the scenario has them; and as a reader in another process sees
    /// them.</summary>
    public NestedCollections? Nested { get; set; }

    public NestedCollections? NestedElsewhere { get; set; }

    /// <summary>The snapshot of each thread, and the one that all share.</summary>
    public PersistentSnapshot?[] Snapshots { get; } = new PersistentSnapshot?[SnapshotOperation.Shared + 1];

    /// <summary>Reads all that a snapshot holds, as the model writes it.</summary>
    public Func<PersistentHeap, string>? ReadAll { get; set; }

    /// <summary>How far each thread's walk of the log has come.</summary>
    public LogCursor?[] Cursors { get; } = new LogCursor?[3];
}

/// <summary>The application's object of the lab.</summary>
internal struct Objects
{
    public Offset<byte> A;
    public Offset<byte> B;
}

/// <summary>What an operation does with its thread's group.</summary>
internal enum GroupStep
{
    None,
    Begin,
    Savepoint,
    BackTo,
    Commit,
    RollBack,
    Leave,
}

/// <summary>A public operation, on the library and on the model alike.</summary>
/// <param name="Name">For tables.</param>
/// <param name="Run">Does it; gives its result as text.</param>
/// <param name="Effect">Its effect on the model, at one moment.</param>
/// <param name="Writes">False for what does not wait for another thread's group.</param>
internal sealed record Operation(string Name, Func<World, string> Run, Effect Effect, bool Writes = true)
{
    /// <summary>In place of a result that is not known.</summary>
    public const string Any = "(any)";

    public const string NoRoom = "no room";

    /// <summary>A part of its effect that comes before the whole, and may come several times; null for an operation
    /// that happens at once.</summary>
    public Effect? Partly { get; init; }

    public GroupStep Group { get; init; }

    /// <summary>True for what changes nothing.</summary>
    public bool Reads { get; init; }

    /// <summary>Its keys, for what a scan must see.</summary>
    public string[] Keys { get; init; } = [];

    /// <summary>Values that it may give its key, for what a scan may see.</summary>
    public string[] Values { get; init; } = [];

    public override string ToString() => Name;

    public bool Applies(Model model, int thread, string result) =>
        result == NoRoom || ((!Writes || model.GroupOf < 0 || model.GroupOf == thread)
            && Effect(model, thread, result));

    public string Perform(World world)
    {
        try
        {
            return Run(world);
        }
        catch (ArenaOutOfSpaceException)
        {
            return NoRoom;
        }
    }

    public static bool Is(string result, string? expected) => result == Any || result == (expected ?? "none");

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static DateTimeOffset? Time(long at) => at == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(at);

    public static Operation Set(string key, string value, long expires = 0)
    {
        byte[] k = Bytes(key), v = Bytes(value);
        return new($"set {key} {value}", world =>
        {
            world.Dictionary.Set(k, v, Time(expires));
            return "ok";
        }, (model, _, result) =>
        {
            model[key] = expires == 0 ? value : $"{value}@{expires}";
            return Is(result, "ok");
        }) { Keys = [key], Values = [value] };
    }

    public static Operation Remove(string key)
    {
        byte[] k = Bytes(key);
        return new($"remove {key}", world => world.Dictionary.Remove(k) ? "true" : "false", (model, _, result) =>
        {
            bool there = model.Value(key) is not null;
            if (model[key] is not null)
            {
                model[key] = null;
            }

            return Is(result, there ? "true" : "false");
        }) { Keys = [key] };
    }

    public static Operation Increment(string key)
    {
        byte[] k = Bytes(key);
        return new($"increment {key}", world => world.Dictionary.Increment(k, 1).ToString(CultureInfo.InvariantCulture),
            (model, _, result) =>
        {
            string sum = (long.Parse(model.Value(key) ?? "0",
                CultureInfo.InvariantCulture) + 1).ToString(CultureInfo.InvariantCulture);
            model.Keep(key, sum);
            return Is(result, sum);
        }) { Keys = [key], Values = ["1", "2", "3", "4"] };
    }

    public static Operation Update(string key, string from, string to)
    {
        byte[] k = Bytes(key), f = Bytes(from), t = Bytes(to);
        return new($"update {key} {from} {to}", world => world.Dictionary.TryUpdate(k, t, f) ? "true" : "false", (model,
            _, result) =>
        {
            bool same = model.Value(key) == from;
            if (same)
            {
                model.Keep(key, to);
            }

            return Is(result, same ? "true" : "false");
        }) { Keys = [key], Values = [to] };
    }

    public static Operation Add(string key, string value)
    {
        byte[] k = Bytes(key), v = Bytes(value);
        return new($"add {key} {value}", world => world.Dictionary.TryAdd(k, v) ? "true" : "false", (model, _,
            result) =>
        {
            bool added = model.Value(key) is null;
            if (added)
            {
                model[key] = value;
            }

            return Is(result, added ? "true" : "false");
        }) { Keys = [key], Values = [value] };
    }

    public static Operation Expire(string key, long at)
    {
        byte[] k = Bytes(key);
        return new($"expire {key} {at}", world => world.Dictionary.Expire(k, Time(at)) ? "true" : "false", (model, _,
            result) =>
        {
            string? value = model.Value(key);
            if (value is not null)
            {
                model[key] = at == 0 ? value : $"{value}@{at}";
            }

            return Is(result, value is not null ? "true" : "false");
        }) { Keys = [key] };
    }

    public static Operation Get(string key, bool elsewhere = false)
    {
        byte[] k = Bytes(key);
        return new(elsewhere ? $"get-elsewhere {key}" : $"get {key}", world =>
        {
            SlowReader reader = default;
            return (elsewhere ? world.Elsewhere : world.Dictionary).TryRead(k, ref reader) ? reader.Value! : "none";
        }, (model, _, result) => Is(result, model.Value(key)), Writes: false) { Reads = true };
    }

    /// <summary>Two keys in one batch: each is read at a moment of its own.</summary>
    public static Operation GetMany(string first, string second)
    {
        byte[] a = Bytes(first), b = Bytes(second);
        return new($"get-many {first} {second}", world =>
        {
            SlowBatch batch = new(a, b);
            world.Dictionary.ReadMany(ref batch);
            return $"{batch.First}|{batch.Second}";
        }, (model, thread, result) => result == Any || (model.NoteOf($"seen:{thread}") is { } seen
            && seen == result.Split('|')[0] && Is(result.Split('|')[1], model.Value(second))
                && model.Forget($"seen:{thread}")), Writes: false)
        {
            Reads = true,
            Partly = (model, thread, result) =>
            {
                if (result == Any || model.NoteOf($"seen:{thread}") is not null
                    || !Is(result.Split('|')[0], model.Value(first)))
                {
                    return false;
                }

                model.Note($"seen:{thread}", result.Split('|')[0]);
                return true;
            },
        };
    }

    public static Operation Clear() => new("clear", world =>
    {
        world.Dictionary.Clear();
        return "ok";
    }, (model, _, _) =>
    {
        model.Clear();
        return true;
    });

    public static Operation Collect(int buckets) => new($"collect {buckets}", world =>
    {
        _ = world.Dictionary.CollectGarbage(buckets);
        return "ok";
    }, (_, _, _) => true, Writes: false);

    public static Operation Compact() => new("compact", world =>
    {
        _ = world.Heap.Compact(TimeSpan.FromSeconds(1));
        return "ok";
    }, (_, _, _) => true, Writes: false);

    public static Operation RemoveExpired() => new("remove-expired", world =>
    {
        _ = world.Dictionary.RemoveExpired(64);
        return "ok";
    }, (_, _, _) => true, Writes: false);

    /// <summary>All records; what it must have seen is checked at the end of the schedule, for it happens at no one
    /// moment.</summary>
    public static Operation Scan(bool elsewhere = false) => new(elsewhere ? "scan-elsewhere" : "scan", world =>
    {
        PersistentDictionary dictionary = elsewhere ? world.Elsewhere : world.Dictionary;
        Visitor visitor = new([]);
        ulong cursor = 0;
        do
        {
            cursor = dictionary.Scan(cursor, 1, ref visitor);
        }
        while (cursor != 0);
        return string.Join(';', visitor.Seen);
    }, (_, _, _) => true, Writes: false) { Reads = true };

    /// <summary>Begins a group, which the program ends; the one that runs the program holds it.</summary>
    public static Operation BeginGroup() => new("begin", _ => "ok", (model, thread, result) =>
    {
        if (model.GroupOf >= 0)
        {
            return false;
        }

        model.Begin(thread);
        return Is(result, "ok");
    }) { Group = GroupStep.Begin };

    public static Operation CommitGroup() => new("commit", _ => "ok", (model, thread, result) =>
    {
        bool mine = model.GroupOf == thread;
        model.End();
        return mine && Is(result, "ok");
    }) { Group = GroupStep.Commit };

    /// <summary>A point of the thread's group to go back to.</summary>
    public static Operation Savepoint() => new("savepoint", _ => "ok", (model, thread, result) =>
    {
        bool mine = model.GroupOf == thread;
        model.Mark();
        return mine && Is(result, "ok");
    }) { Group = GroupStep.Savepoint };

    /// <summary>Undoes what came after the savepoint, change by change, which readers may see.</summary>
    public static Operation BackToSavepoint() => new("back-to", _ => "ok", (model, thread, result) =>
        model.GroupOf == thread && model.IsAtMark && Is(result, "ok"))
    {
        Group = GroupStep.BackTo,
        Partly = (model, thread, _) => model.GroupOf == thread && !model.IsAtMark && model.TryUndoOne(),
    };

    /// <summary>Undone change by change, which readers may see.</summary>
    public static Operation RollBackGroup() => new("roll-back", _ => "ok", (model, thread, result) =>
    {
        bool undone = model.GroupOf == thread && model.Undoable == 0;
        model.End();
        return undone && Is(result, "ok");
    })
    {
        Group = GroupStep.RollBack,
        Partly = (model, thread, _) =>
        {
            if (model.GroupOf != thread || model.Undoable == 0)
            {
                return false;
            }

            model.UndoOne();
            return true;
        },
    };

    /// <summary>The thread ends, and leaves its group open: whoever waits for it undoes it, at any time from now on, or
    /// nobody does.</summary>
    public static Operation LeaveGroup() => RollBackGroup() with { Name = "leave", Group = GroupStep.Leave };

    /// <summary>An attach after a death: a group that was open is undone change by change, which readers may
    /// see.</summary>
    public static Operation Recover() => new("recover", _ => "ok", (model, _, _) =>
    {
        bool undone = model.Undoable == 0;
        model.End();
        model.ChangeWriter();
        return undone;
    }, Writes: false)
    {
        Partly = (model, _, _) =>
        {
            if (model.Undoable == 0)
            {
                return false;
            }

            model.UndoOne();
            return true;
        },
    };

    public static Operation PutObject(char field, string value)
    {
        byte[] v = Bytes(value);
        string name = $"object:{field}";
        return new($"put-object {field} {value}", world =>
        {
            ref readonly Objects objects = ref world.Objects.Value;
            world.Heap.PutBytes(field == 'a' ? ref objects.A : ref objects.B, v);
            return "ok";
        }, (model, _, result) =>
        {
            model[name] = value;
            return Is(result, "ok");
        });
    }

    public static Operation FreeObject(char field) => new($"free-object {field}", world =>
    {
        ref readonly Objects objects = ref world.Objects.Value;
        world.Heap.Free(field == 'a' ? ref objects.A : ref objects.B);
        return "ok";
    }, (model, _, result) =>
    {
        model[$"object:{field}"] = null;
        return Is(result, "ok");
    });

    public static Operation OpenRoot(string name, long value) => new($"open-root {name} {value}", world =>
        world.Heap.OpenOrCreateRoot<long>(name, value).Value.ToString(CultureInfo.InvariantCulture), (model, thread,
            result) =>
    {
        if (model[$"root:{name}"] is null)
        {
            if (model.GroupOf >= 0 && model.GroupOf != thread)
            {
                return false; // one that is there is only looked up, and waits for nobody
            }

            model[$"root:{name}"] = value.ToString(CultureInfo.InvariantCulture);
        }

        return Is(result, model[$"root:{name}"]);
    }, Writes: false);
}

/// <summary>A reader that can be stopped in the middle of its copy.</summary>
internal struct SlowReader : IRecordReader
{
    public string? Value;

    public void Read(in RecordView record)
    {
        if (record.IsInteger)
        {
            Value = record.Integer.ToString(CultureInfo.InvariantCulture);
            return;
        }

        int length = Math.Min(record.Value.Length, 4096); // of a record that is no longer one, any length may be read
        Span<byte> copy = stackalloc byte[length];
        record.Value[..(length / 2)].CopyTo(copy);
        Points.Here();
        record.Value[(length / 2)..length].CopyTo(copy[(length / 2)..]);
        Value = Encoding.UTF8.GetString(copy);
    }
}

internal struct SlowBatch(byte[] first, byte[] second) : IBatchReader
{
    public string? First;
    public string? Second;

    public readonly int Count => 2;

    public readonly ReadOnlySpan<byte> KeyAt(int index) => index == 0 ? first : second;

    public void Read(int index, in RecordView record)
    {
        string? value = "none";
        if (record.Exists)
        {
            SlowReader reader = default;
            reader.Read(record);
            value = reader.Value;
        }

        (First, Second) = index == 0 ? (value, Second) : (First, value);
    }
}

internal readonly struct Visitor(List<string> seen) : IRecordVisitor
{
    public List<string> Seen => seen;

    public void Visit(in RecordView record)
    {
        string value = record.IsInteger ? record.Integer.ToString(CultureInfo.InvariantCulture)
            : Encoding.UTF8.GetString(record.Value);
        string time = record.ExpiresAt == RecordView.NoExpiry ? "" : $"@{record.ExpiresAt}";
        seen.Add($"{Encoding.UTF8.GetString(record.Key)}={value}{time}");
    }
}
