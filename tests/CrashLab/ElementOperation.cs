using System.Text;

namespace GuestMemFs.CrashLab;

/// <summary>
/// A mutating operation on a list, a set, a priority queue, bytes or a bitmap, and on the model alike.
/// </summary>
internal sealed record ElementOperation(string Name, Action<ElementWorld> Run, Action<ElementModel> Model)
    : LabOperation<ElementWorld, ElementModel>(Name, Run, Model)
{
    public override string ToString() => Name;

    public static ElementOperation AddFirst(string text) => new(
        $"add {text} first", world => world.List.AddFirst(Bytes(text)), model => model.List.Insert(0, text));

    public static ElementOperation AddLast(string text) => new(
        $"add {text} last", world => world.List.AddLast(Bytes(text)), model => model.List.Add(text));

    /// <summary>In the middle.</summary>
    public static ElementOperation Insert(string text) => new(
        $"insert {text}",
        world => world.List.Insert(world.List.Count / 2, Bytes(text)),
        model => model.List.Insert(model.List.Count / 2, text));

    public static ElementOperation SetFirst(string text) => new(
        $"set the first to {text.Length} bytes",
        world =>
        {
            if (world.List.Count > 0)
            {
                world.List.Set(0, Bytes(text));
            }
        },
        model =>
        {
            if (model.List.Count > 0)
            {
                model.List[0] = text;
            }
        });

    public static ElementOperation RemoveFirst() => new(
        "remove the first",
        world => world.List.TryRemoveFirst(out _),
        model => model.List.RemoveRange(0, Math.Min(1, model.List.Count)));

    public static ElementOperation RemoveLast() => new(
        "remove the last",
        world => world.List.TryRemoveLast(out _),
        model => model.List.RemoveRange(Math.Max(0, model.List.Count - 1), Math.Min(1, model.List.Count)));

    public static ElementOperation RemoveRange(int index, int count) => new(
        $"remove {count} from {index} on",
        world => world.List.RemoveRange(index, count),
        model =>
        {
            int from = Math.Min(index, model.List.Count);
            model.List.RemoveRange(from, Math.Min(count, model.List.Count - from));
        });

    public static ElementOperation Trim(int index, int count) => new(
        $"trim to {count} from {index} on",
        world => world.List.Trim(index, count),
        model =>
        {
            string[] rest = [.. model.List.Skip(index).Take(count)];
            model.List.Clear();
            model.List.AddRange(rest);
        });

    public static ElementOperation Add(string member) => new(
        $"add {member}", world => world.Set.Add(Bytes(member)), model => model.Set.Add(member));

    public static ElementOperation AddOther(string member) => new(
        $"add {member} to the other", world => world.Other.Add(Bytes(member)), model => model.Other.Add(member));

    public static ElementOperation Remove(string member) => new(
        $"remove {member}", world => world.Set.Remove(Bytes(member)), model => model.Set.Remove(member));

    public static ElementOperation Union() => new(
        "unite", world => world.Set.UnionWith(world.Other), model => model.Set.UnionWith(model.Other));

    public static ElementOperation Intersect() => new(
        "intersect", world => world.Set.IntersectWith(world.Other), model => model.Set.IntersectWith(model.Other));

    public static ElementOperation Except() => new(
        "subtract", world => world.Set.ExceptWith(world.Other), model => model.Set.ExceptWith(model.Other));

    public static ElementOperation Exchange() => new(
        "become the other",
        world => world.Set.ReplaceWith(world.Other.Scan()),
        model =>
        {
            model.Set.Clear();
            model.Set.UnionWith(model.Other);
        });

    public static ElementOperation Enqueue(long priority, string payload) => new(
        $"enqueue {payload} at {priority}",
        world => world.Queue.Enqueue(priority, Bytes(payload)),
        model => model.Queue.Add((priority, payload, 0, 0)));

    public static ElementOperation Dequeue(long highest) => new(
        $"dequeue up to {highest}",
        world => world.Queue.TryDequeue(highest, out _),
        model =>
        {
            if (model.First(highest) is >= 0 and var at)
            {
                model.Queue.RemoveAt(at);
            }
        });

    public static ElementOperation Reprioritize(long priority) => new(
        $"put the first at {priority}",
        world =>
        {
            if (world.Queue.TryPeek(out QueueEntry entry))
            {
                world.Queue.TryChangePriority(entry.Id, priority, out _);
            }
        },
        model =>
        {
            if (model.First(long.MaxValue) is >= 0 and var at)
            {
                model.Queue[at] = model.Queue[at] with { Priority = priority };
            }
        });

    /// <summary>A lease of so many seconds.</summary>
    public static ElementOperation Lease(int seconds) => new(
        $"lease for {seconds} s",
        world => world.Queue.TryLease(TimeSpan.FromSeconds(seconds), out _),
        model =>
        {
            if (model.First(long.MaxValue) is >= 0 and var at)
            {
                var (priority, payload, deliveries, _) = model.Queue[at];
                model.Queue[at] = (priority, payload, deliveries + 1, seconds);
            }
        });

    /// <summary>The work of the lease that passes first is done.</summary>
    public static ElementOperation Complete() => new(
        "complete",
        world => world.Queue.Complete(world.Queue.GetLeases().FirstOrDefault()),
        model =>
        {
            if (model.FirstLeased() is >= 0 and var at)
            {
                model.Queue.RemoveAt(at);
            }
        });

    /// <summary>Its holder has it for longer.</summary>
    public static ElementOperation Extend(int seconds) => new(
        $"extend for {seconds} s",
        world => world.Queue.TryExtend(world.Queue.GetLeases().FirstOrDefault(), TimeSpan.FromSeconds(seconds), out _),
        model =>
        {
            if (model.FirstLeased() is >= 0 and var at)
            {
                model.Queue[at] = model.Queue[at] with { Until = seconds };
            }
        });

    /// <summary>Its holder gives it back.</summary>
    public static ElementOperation Return(long priority) => new(
        $"return at {priority}",
        world => world.Queue.Return(world.Queue.GetLeases().FirstOrDefault(), priority),
        model =>
        {
            if (model.FirstLeased() is >= 0 and var at)
            {
                model.Queue[at] = model.Queue[at] with { Priority = priority, Until = 0 };
            }
        });

    /// <summary>All leases pass.</summary>
    public static ElementOperation Pass() => new(
        "pass",
        world =>
        {
            world.Clock.Milliseconds += 100_000;
            world.Queue.ReturnPassedLeases();
            world.Clock.Milliseconds -= 100_000;
        },
        model =>
        {
            for (int i = 0; i < model.Queue.Count; i++)
            {
                model.Queue[i] = model.Queue[i] with { Until = 0 };
            }
        });

    public static ElementOperation Write(int offset, int count, byte value) => new(
        $"write {count} at {offset}",
        world => world.Bytes.Write(offset, Some(count, value)),
        model =>
        {
            model.Bytes.AddRange(new byte[Math.Max(0, offset + count - model.Bytes.Count)]);
            model.Bytes.RemoveRange(offset, count);
            model.Bytes.InsertRange(offset, Some(count, value));
        });

    public static ElementOperation Append(int count, byte value) => new(
        $"append {count}",
        world => world.Bytes.Append(Some(count, value)),
        model => model.Bytes.AddRange(Some(count, value)));

    public static ElementOperation SetLength(int length) => new(
        $"set the length to {length}",
        world => world.Bytes.SetLength(length),
        model =>
        {
            model.Bytes.AddRange(new byte[Math.Max(0, length - model.Bytes.Count)]);
            model.Bytes.RemoveRange(length, model.Bytes.Count - length);
        });

    public static ElementOperation Bit(long index, bool value) => new(
        $"{(value ? "set" : "clear")} bit {index}",
        world => world.Bitmap.Set(index, value),
        model => _ = value ? model.Bits.Add(index) : model.Bits.Remove(index));

    public static ElementOperation Group(bool commit, params ElementOperation[] operations) => new(
        OperationGroup.Name(commit, operations.Select(operation => operation.Name)),
        world => OperationGroup.Run(world.Heap, commit,
            () => Array.ForEach(operations, operation => operation.Run(world))),
        model => Array.ForEach(commit ? operations : [], operation => operation.Model(model)));

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static byte[] Some(int count, byte value) => [.. Enumerable.Repeat(value, count)];
}
