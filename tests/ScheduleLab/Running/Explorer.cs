using System.Text;
using GuestMemFs.Collections;
using GuestMemFs.Heap;
using GuestMemFs.Inspection;
using GuestMemFs.ScheduleLab.Checking;
using GuestMemFs.ScheduleLab.Seam;

namespace GuestMemFs.ScheduleLab.Running;

/// <summary>What went wrong in a schedule, and how to see it again.</summary>
internal sealed record Finding(Scenario Scenario, string What, string Table, string Again)
{
    public override string ToString() => $"{Scenario.Name}: {What}\n{Table}again: ScheduleLab show {Again}";
}

/// <summary>Runs a scenario's schedules and checks each: the results have an order, the heap is whole and holds what
/// that order leaves; and at each store of it a crash, after which the same is true.</summary>
internal sealed partial class Explorer : IDisposable
{
    public const int MemoryLength = 128 << 10;
    private const int MostThreads = 3;

    private readonly Memory _memory = new(MemoryLength);
    private readonly Memory _crashed = new(MemoryLength);
    private readonly Schedule _schedule;
    private readonly History _history = new(MostThreads);
    private readonly HashSet<ulong> _ends = [];
    private readonly HashSet<ulong> _crashes = [];
    private readonly HashSet<ulong> _again = [];
    private readonly Dictionary<string, byte[]> _images = [];
    private readonly Action<Worker>[] _bodies = new Action<Worker>[MostThreads];
    private Scenario _scenario = null!;
    private Model _model = null!;
    private World _world = null!;
    private World _own = null!; // what the threads have open: a reader's is the same after a writer's death
    private string? _wrong;
    private Random? _weak;

    public Explorer(int processor)
    {
        Futex.StayOn(processor);
        _schedule = new Schedule(_memory, MostThreads, processor);
        for (int i = 0; i < MostThreads; i++)
        {
            _bodies[i] = Perform;
        }
    }

    private static long s_begun;

    /// <summary>Schedules begun by all explorers of the process.</summary>
    public static long Begun => System.Threading.Volatile.Read(ref s_begun);

    /// <summary>Schedules run.</summary>
    public long Schedules { get; private set; }

    /// <summary>States of the memory, different ones within a scenario, that a crash at a store left, recovered and
    /// checked.</summary>
    public long CrashStates { get; private set; }

    /// <summary>Asked between schedules: true where the rest may be left out.</summary>
    public Func<bool> Enough { get; init; } = () => false;

    /// <summary>Whether each store is crashed at.</summary>
    public bool Crashes { get; set; } = true;

    /// <summary>Whether a crash loses some of the words that were stored and not published.</summary>
    public bool Weak { get; set; }

    /// <summary>All schedules of up to so many preemptions; the first one that is wrong, with the fewest
    /// preemptions.</summary>
    public Finding? Exhaust(Scenario scenario, int preemptions)
    {
        Begin(scenario);
        for (int level = 0; level <= preemptions; level++)
        {
            for (int first = 0; first < scenario.Threads.Length; first++)
            {
                if (Exhaust(first, [], level) is { } finding)
                {
                    return finding;
                }
            }
        }

        return null;
    }

    /// <summary>So many schedules by chance.</summary>
    public Finding? Chance(Scenario scenario, int seed, int schedules)
    {
        Begin(scenario);
        int length = 40;
        for (int i = 0; i < schedules && !Enough(); i++)
        {
            Prepare();
            _schedule.RunByChance(_bodies.AsSpan(0, scenario.Threads.Length), new Random(unchecked((seed * 7919) + i)),
                length);
            length = Math.Max(length, _schedule.Steps);
            if (Check() is { } what)
            {
                return Describe(what, $"{scenario.Name} chance {unchecked((seed * 7919) + i)} {length}", () =>
                    _schedule.RunByChance(_bodies.AsSpan(0, scenario.Threads.Length),
                        new Random(unchecked((seed * 7919) + i)), length));
            }
        }

        return null;
    }

    /// <summary>One schedule by its plan ("first step:thread step:thread"), as a table.</summary>
    public (string? Wrong, string Table) Show(Scenario scenario, string[] plan)
    {
        Begin(scenario);
        Finding finding = plan[0] == "death" ? ShowDeath(plan) : plan[0] == "chance"
            ? Describe("", "", () => _schedule.RunByChance(_bodies.AsSpan(0, scenario.Threads.Length),
                new Random(int.Parse(plan[1], null)), int.Parse(plan[2], null)))
            : Describe("", "", () => _schedule.Run(_bodies.AsSpan(0, scenario.Threads.Length), int.Parse(plan[0], null),
                [.. plan.Skip(1).Select(part => part.Split(':')).Select(part =>
                    new Preemption(int.Parse(part[0], null), int.Parse(part[1], null)))]));
        return (finding.What.Length > 0 ? finding.What : null, finding.Table);
    }

    private Finding? Exhaust(int first, Preemption[] plan, int more)
    {
        Prepare();
        _schedule.Run(_bodies.AsSpan(0, _scenario.Threads.Length), first, plan);
        if (more == 0)
        {
            if (Check() is not { } what)
            {
                return null;
            }

            string places = string.Join(' ', plan.Select(at => $"{at.Step}:{at.Target}"));
            string again = $"{_scenario.Name} {first} {places}".TrimEnd();
            return Describe(what, again, () => _schedule.Run(_bodies.AsSpan(0, _scenario.Threads.Length), first, plan));
        }

        byte[] choices = _schedule.Choices.ToArray();
        for (int step = plan.Length == 0 ? 0 : plan[^1].Step + 1; step < choices.Length && !Enough(); step++)
        {
            for (int target = 0; choices[step] >> target != 0; target++)
            {
                if ((choices[step] >> target & 1) != 0 && Exhaust(first, [.. plan, new Preemption(step, target)],
                    more - 1) is { } finding)
                {
                    return finding;
                }
            }
        }

        return null;
    }

    private void Begin(Scenario scenario)
    {
        _scenario = scenario;
        _ends.Clear();
        _crashes.Clear();
        _again.Clear();
        _model = new Model { Erases = scenario.Beginning.Erases };
        foreach (Operation operation in (Operation[])[.. scenario.Beginning.Before, .. scenario.Beginning.After])
        {
            if (!_refused.Contains((scenario.Beginning.Name, operation)))
            {
                _ = operation.Applies(_model, 0, Operation.Any)
                    || (operation.Partly!(_model, 0, Operation.Any) && operation.Applies(_model, 0, Operation.Any));
            }
        }

        if (!_images.ContainsKey(scenario.Beginning.Name))
        {
            _images.Add(scenario.Beginning.Name, Image(scenario.Beginning));
            Begin(scenario);
        }
    }

    // Operations of a beginning that found no room.
    private readonly HashSet<(string, Operation)> _refused = [];

    private byte[] Image(Beginning beginning)
    {
        _memory.Bytes.Fill(0xA5);
        World world = Attach(_memory, 1, beginning, formatted: false);
        Do(beginning.Before, world, beginning.Name);
        return _memory.Bytes.ToArray();
    }

    private void Do(Operation[] operations, World world, string beginning)
    {
        foreach (Operation operation in operations)
        {
            if (operation.Perform(world) == Operation.NoRoom)
            {
                _refused.Add((beginning, operation));
            }
        }
    }

    private static World Attach(Memory memory, ulong epoch, Beginning beginning, bool formatted = true)
    {
        ScheduleSpace space = new(memory, epoch)
        {
            IsFormatted = formatted,
            CopiesPages = beginning.Snapshots == Snapshots.Copied,
        };
        PersistentHeap heap = PersistentHeap.Open(space, new HeapOptions { Erase = beginning.Erases });
        return Opened(heap, () => PersistentHeap.Open(new ScheduleSpace(memory, epoch, heap.State.FrontierBytes)),
            beginning);
    }

    // Its collections; and as a reader of another process has them.
    private static World Opened(PersistentHeap heap, Func<PersistentHeap> elsewhere, Beginning beginning)
    {
        PersistentDictionaryOptions options = new()
        {
            TimeProvider = StoppedTime.Instance,
            Checksums = beginning.Checksums,
        };
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(heap, "keys", options);
        PersistentRoot<Objects> objects = heap.OpenOrCreateRoot<Objects>("objects");
        PersistentHeap other = elsewhere();
        World world = new()
        {
            Heap = heap,
            Dictionary = dictionary,
            Elsewhere = PersistentDictionary.OpenOrCreate(other, "keys", options),
            Objects = objects,
        };
        foreach (Part part in beginning.Parts)
        {
            part.Open(world, heap, other);
        }

        world.ReadAll = snapshot => Content(Opened(snapshot, () => snapshot, beginning), beginning);
        return world;
    }

    private void Prepare()
    {
        Points.LaneHint = 0;
        _own?.Heap.Snapshots.EndAll();
        _schedule.HasSnapshots = _scenario.Beginning.Snapshots != Snapshots.None;
        _schedule.Watching = new Watching();
        Watching.Join(_schedule.Watching);
        _memory.Load(_images[_scenario.Beginning.Name]);
        _world = Attach(_memory, 2, _scenario.Beginning);
        _own = _world;
        Do(_scenario.Beginning.After, _world, _scenario.Beginning.Name);
        _memory.Begin();
        _history.Clear();
        _wrong = null;
        _weak = Weak ? new Random(17) : null;
        _schedule.AfterStore = Crashes ? CrashHere : null;
        _schedule.AtPoint = null;
        Schedules++;
        _ = System.Threading.Interlocked.Increment(ref s_begun);
    }

    private void Perform(Worker me)
    {
        Operation[] operations = _scenario.Threads[me.Index].Operations;
        for (int i = 0; i < operations.Length; i++)
        {
            if (operations[i].Group == GroupStep.Begin)
            {
                PerformGroup(me, operations, ref i);
            }
            else
            {
                PerformOne(me, operations[i]);
            }
        }
    }

    private void PerformOne(Worker me, Operation operation)
    {
        Called(me, operation);
        Returned(me, operation.Perform(_own));
    }

    private void PerformGroup(Worker me, Operation[] operations, ref int i)
    {
        Called(me, operations[i]);
        AtomicGroup group;
        try
        {
            group = _own.Dictionary.BeginAtomic();
        }
        catch (ArenaOutOfSpaceException)
        {
            Returned(me, Operation.NoRoom);
            i = operations.Length;
            return;
        }

        Returned(me, "ok");
        GroupSavepoint savepoint = default;
        for (i++; operations[i].Group < GroupStep.Commit; i++)
        {
            PerformInGroup(me, operations[i], group, ref savepoint);
        }

        Called(me, operations[i]);
        if (operations[i].Group == GroupStep.Leave)
        {
            return;
        }

        if (operations[i].Group == GroupStep.Commit)
        {
            group.Commit();
        }
        else
        {
            group.Dispose();
        }

        Returned(me, "ok");
    }

    private void PerformInGroup(Worker me, Operation operation, in AtomicGroup group, ref GroupSavepoint savepoint)
    {
        if (operation.Group == GroupStep.None)
        {
            PerformOne(me, operation);
            return;
        }

        Called(me, operation);
        if (operation.Group == GroupStep.Savepoint)
        {
            savepoint = group.Savepoint();
        }
        else
        {
            group.RollBackTo(savepoint);
        }

        Returned(me, "ok");
    }

    private void Called(Worker me, Operation operation)
    {
        _schedule.Trace?.Add(new Step(_schedule.Steps, me.Index, PointKind.Operation, 0, 0, 0, "", operation.Name));
        _history.Call(me.Index, operation);
    }

    private void Returned(Worker me, string result)
    {
        if (!me.Dying)
        {
            _schedule.Trace?.Add(new Step(_schedule.Steps, me.Index, PointKind.Operation, 0, 0, 0, "", "-> " + result));
            _history.Return(me.Index, result);
        }
    }

    private string? Check()
    {
        if ((_wrong ?? _schedule.Failure) is { } what)
        {
            return what;
        }

        if (!_ends.Add(Memory.Mix((long)_memory.Hash, _history.Hash)) && !_schedule.HasSnapshots)
        {
            return null; // the same results and the same memory as in a schedule that was checked
        }

        try
        {
            EndGroupsLeft();
            IReadOnlyList<string> problems = HeapVerifier.Verify(_world.Heap);
            if (problems.Count > 0)
            {
                return "the heap is damaged: " + string.Join("; ", problems.Take(5));
            }

            string content = Content(_world);
            if (Leftover(_memory, _world) is { } leftover)
            {
                return leftover;
            }

            (string Note, string Text)[] left = SnapshotOperation.Left(_world);
            return !_history.IsLinearizable(_model, model => model.Text() == content
                && left.All(snapshot => model.NoteOf(snapshot.Note) == snapshot.Text))
                ? $"no order of the operations gives these results and this content: {content}"
                    + string.Concat(left.Select(it => $" and {it.Note}: {it.Text}"))
                : ScanProblem() ?? (_schedule.HasSnapshots ? SnapshotOperation.ProblemAtTheClose(_world) : null);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            return $"after the schedule: {error.GetType().Name}: {error.Message}";
        }
    }

    // The next writer undoes a group whose thread has ended. It waits a turn then, which there is nobody to give it.
    private void EndGroupsLeft()
    {
        if (_scenario.Threads.Any(script => script.Operations[^1].Group == GroupStep.Leave))
        {
            try
            {
                PersistentHeap.ReleaseLane(_world.Heap.TakeLane());
            }
            catch (ScheduleException)
            {
                PersistentHeap.ReleaseLane(_world.Heap.TakeLane());
            }
        }
    }

    // What a scan at no one moment has to see: what no thread touches, once at least, and nothing that nobody ever put
    // there.
    private string? ScanProblem(params ReadOnlySpan<Operation> more)
    {
        Operation[] all = [.. _scenario.Threads.SelectMany(script => script.Operations), .. more];
        WalkCheck check = new(_model, all);
        foreach (Part part in _scenario.Beginning.Parts)
        {
            if (part.WalkProblem?.Invoke(_history, check) is { } problem)
            {
                return problem;
            }
        }

        foreach (string seen in _history.ResultsOf("scan").Concat(_history.ResultsOf("scan-elsewhere")))
        {
            string[] records = seen.Length == 0 ? [] : seen.Split(';');
            bool cleared = all.Any(operation => operation.Name == "clear");
            foreach (string name in _model.Names.Where(name =>
                !name.Contains(':', StringComparison.Ordinal) && !Model.HasExpired(_model[name]!)))
            {
                bool touched = cleared || all.Any(operation => operation.Keys.Contains(name));
                if (!touched && !records.Contains($"{name}={_model[name]}"))
                {
                    return $"a scan did not see {name}, which was there all the time: {seen}";
                }
            }

            if (records.FirstOrDefault(record => !check.CanBe(record)) is { } strange)
            {
                return $"a scan saw {strange}";
            }
        }

        return null;
    }

    private void CrashHere(Worker by, bool publishes)
    {
        if (_wrong is not null || !_crashes.Add(Memory.Mix((long)_memory.Hash, _history.Hash)))
        {
            return;
        }

        CrashWith(null);
        for (int sample = 0; _weak is not null && sample < 3 && _wrong is null; sample++)
        {
            CrashWith(_weak);
        }

        if (_wrong is not null)
        {
            _schedule.Fail(_wrong);
        }
    }

    private unsafe void CrashWith(Random? weak)
    {
        _crashed.Load(_memory.Bytes);
        int lost = 0;
        foreach (Worker worker in weak is null ? [] : _schedule.Workers)
        {
            for (int i = worker.Floating.Count - 1; i >= 0; i--)
            {
                if (weak!.Next(2) == 0)
                {
                    *(ulong*)(_crashed.Base + worker.Floating[i].Offset) = worker.Floating[i].Old;
                    lost++;
                }
            }
        }

        if (weak is not null && lost == 0)
        {
            return;
        }

        CrashStates++;
        string when = $"after a crash at step {_schedule.Steps - 1}{(lost > 0 ? $" that lost {lost} words" : "")}";
        try
        {
            World world = Attach(_crashed, 3, _scenario.Beginning);
            IReadOnlyList<string> problems = HeapVerifier.Verify(world.Heap);
            string content = Content(world);
            _wrong = problems.Count > 0 ? $"{when} the heap is damaged: {string.Join("; ", problems.Take(5))}"
                : !_history.IsLinearizable(_model, model => model.AfterCrash() == content)
                    ? $"{when} there is neither what had returned nor that and what was in flight: {content}"
                : Leftover(_crashed, world) is { } leftover ? $"{when} {leftover}"
                : null;
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            _wrong = $"{when}: {error.GetType().Name}: {error.Message}";
        }
    }

    /// <summary>What a heap holds, as the model writes it.</summary>
    private string Content(World world) => Content(world, _scenario.Beginning);

    private static string Content(World world, Beginning beginning)
    {
        Visitor visitor = new([]);
        ulong cursor = 0;
        do
        {
            cursor = world.Dictionary.Scan(cursor, 64, ref visitor);
        }
        while (cursor != 0);
        SortedDictionary<string, string> texts = new(StringComparer.Ordinal);
        foreach (string record in visitor.Seen)
        {
            int at = record.IndexOf('=', StringComparison.Ordinal);
            if (!texts.TryAdd(record[..at], record[(at + 1)..]))
            {
                return $"{record[..at]} is there twice";
            }

            SlowReader reader = default;
            if (!world.Dictionary.TryRead(Encoding.UTF8.GetBytes(record[..at]), ref reader)
                || reader.Value != record[(at + 1)..].Split('@')[0])
            {
                return $"{record} is there, and reading it gives {reader.Value}";
            }
        }

        foreach (Part part in beginning.Parts)
        {
            if (part.AddContent(world, texts) is { } wrong)
            {
                return wrong;
            }
        }

        AddObjects(world, beginning, texts);
        return string.Concat(texts.Select(text => $"{text.Key}={text.Value} "));
    }

    // In a heap that erases, what is in no record has no three letters in a row, which keys and values consist of.
    private unsafe string? Leftover(Memory memory, World world)
    {
        if (!_scenario.Beginning.Erases)
        {
            return null;
        }

        byte[] rest = memory.Bytes.ToArray();
        foreach ((long block, long size) in HeapBlocks.Find(world.Heap.Space))
        {
            ulong header = *(ulong*)(memory.Base + block);
            long length = RecordFormat.IsRecord(header) ? RecordFormat.Length(header) : size;
            if (BlockHeader.TypeOf(header) == BlockHeader.TypeLeaf && SliceLeft(memory, block) is { } slice)
            {
                return slice;
            }

            if (BlockHeader.TypeOf(header) == BlockHeader.TypeLogSegment)
            {
                LogOperation.ClearPresent(world, new LogSegment(memory.Base, block, size), rest);
                continue;
            }

            rest.AsSpan((int)block, (int)length).Clear();
        }

        int letters = 0;
        for (int i = (int)(HeapFormat.FirstPage << HeapFormat.PageShift); i < rest.Length; i++)
        {
            letters = char.IsAsciiLetterLower((char)rest[i]) ? letters + 1 : 0;
            if (letters == 3)
            {
                return $"what was erased is there still, at {i - 2}: {Encoding.ASCII.GetString(rest, i - 2, 8)}";
            }
        }

        return null;
    }

    // The slice of a key in a slot that is not in use.
    private static unsafe string? SliceLeft(Memory memory, long block)
    {
        TreeNode leaf = new(memory.Base, block, TreeNode.ShapeOf(0, SlotOrder.Slots, 0, 0));
        leaf.TryOrder(out SlotOrder order);
        return Enumerable.Range(0, SlotOrder.Slots).Any(slot => !order.Contains(slot) && SliceOf(leaf, slot) != 0)
            ? $"the leaf at {block} has a slice of a key that was removed" : null;
    }

    private static unsafe ulong SliceOf(TreeNode leaf, int slot) => *leaf.Slice(slot);

    private static void AddObjects(
        World world, Beginning beginning, SortedDictionary<string, string> texts)
    {
        ref readonly Objects objects = ref world.Objects.Value;
        foreach ((string name, Offset<byte> offset) in new[] { ("object:a", objects.A), ("object:b", objects.B) })
        {
            if (!offset.IsNone)
            {
                texts.Add(name, Encoding.UTF8.GetString(world.Heap.ReadBytes(offset)));
            }
        }

        foreach (string root in world.Heap.Roots.Where(root =>
            root is not ("keys" or "objects")
            && !beginning.Parts.Any(part => part.Root == root || part.MoreRoots.Contains(root))))
        {
            if (!texts.TryAdd($"root:{root}", world.Heap.OpenOrCreateRoot<long>(root).Value.ToString(
                System.Globalization.CultureInfo.InvariantCulture)))
            {
                texts[$"root:{root}"] = "twice";
            }
        }
    }

    // A run of one letter is a value that was made long on purpose.
    private static string Short(string text) => System.Text.RegularExpressions.Regex.Replace(text, @"(\w)\1{40,}",
        match => $"{match.Value[..8]}({match.Length})");

    private Finding Describe(string what, string again, Action run)
    {
        Prepare();
        _ends.Clear();
        _crashes.Clear();
        _schedule.Trace = [];
        run();
        string now = Check() ?? "";
        string table = Tables.Of(_schedule.Trace) + _history.Describe();
        _schedule.Trace = null;
        return new Finding(_scenario, Short(what.Length > 0 ? what : now), Short(table), again);
    }

    public void Dispose()
    {
        _schedule.Dispose();
        _memory.Dispose();
        _crashed.Dispose();
    }
}
