using GuestMemFs.Format;
using GuestMemFs.Inspection;

namespace GuestMemFs.CrashLab;

/// <summary>
/// Runs an operation on collections of a heap with its stores recorded, then attaches to every state that a crash
/// during it can leave, and to every state that a crash during that recovery can leave. Each must hold what was there
/// before or what is there after, whole, with nothing leaked. There is one memory: it is gone back to where the
/// operation began, and walked forward; each look takes back its own stores.
/// </summary>
/// <typeparam name="TWorld">The collections, open.</typeparam>
/// <typeparam name="TModel">What they should hold.</typeparam>
internal abstract class HeapLab<TWorld, TModel> : IDisposable
    where TModel : class, ILabModel<TWorld, TModel>, new()
{
    private readonly LabSpace _space;
    private readonly List<string> _history = [];
    private readonly List<RecordedStore> _floating = []; // by no fence yet; only under losses of power
    private readonly string _part;
    private readonly HeapOptions _options;
    private TModel _model = new();
    private TWorld? _world;

    /// <summary>A fresh heap with empty collections, on stale memory.</summary>
    /// <param name="part">Under which name its crash states are counted.</param>
    /// <param name="options">Of the heap.</param>
    /// <param name="length">Of the memory, in bytes.</param>
    protected HeapLab(string part, HeapOptions? options = null, long length = 2 << 20)
    {
        _options = options ?? new HeapOptions();
        _part = part;
        _space = new LabSpace(length);
        _space.MakeStale();
    }

    /// <summary>How deep a crash of the recovery is looked into: each store of it, or not at all.</summary>
    public bool CrashRecoveryToo { get; set; } = true;

    /// <summary>
    /// Whether `gmfs check --deep` is asked before the recovery too: where only a recovery is due, nothing is damaged.
    /// </summary>
    public bool ChecksBeforeRecovery { get; set; }

    /// <summary>
    /// Where set, states that a weak order of stores can leave are looked at too; samples are drawn from it.
    /// </summary>
    public Random? Reorder { get; set; }

    /// <summary>
    /// Where set, crashes are losses of power; samples are drawn from it. What the operation before left without a
    /// fence is still open when the next one begins, and what an operation returned from has to be there whichever of
    /// its last words are.
    /// </summary>
    public Random? PowerLoss { get; set; }

    /// <summary>The collections, open on the memory as it is.</summary>
    public TWorld World => _world ?? Reopen();

    /// <summary>Pages of the heap that the medium has no memory for from now on.</summary>
    public MediumHoles Holes => _space.Holes;

    /// <summary>Does an operation without a look at its crashes.</summary>
    public void Do(LabOperation<TWorld, TModel> operation)
    {
        _floating.Clear();
        Run(operation);
        _space.Settle();
    }

    /// <summary>A point to come back to.</summary>
    public (Image Image, TModel Model) Save()
    {
        _ = World;
        return (_space.Capture(), _model.Copy());
    }

    public void Restore((Image Image, TModel Model) saved, string name)
    {
        _space.Load(saved.Image);
        _model = saved.Model.Copy();
        _floating.Clear();
        _history.Clear();
        _history.Add(name);
        Reopen();
        _space.Settle();
    }

    /// <summary>Explores each operation from where it is now, and one more after each.</summary>
    public void ExploreEach(
        string beginning, IEnumerable<LabOperation<TWorld, TModel>> operations, LabOperation<TWorld, TModel> afterwards)
    {
        var start = Save();
        foreach (LabOperation<TWorld, TModel> operation in operations)
        {
            Restore(start, beginning);
            Explore(operation);
            Explore(afterwards);
        }
    }

    /// <summary>Explores a group that goes back to a savepoint and on from there; it is committed, or not.</summary>
    public void ExploreSavepoint(
        LabOperation<TWorld, TModel> first,
        IReadOnlyList<LabOperation<TWorld, TModel>> undone,
        LabOperation<TWorld, TModel> last,
        bool commit) => Explore(new LabOperation<TWorld, TModel>(
        $"group [{first.Name}; back from {string.Join(", ", undone.Select(it => it.Name))}; {last.Name}], {commit}",
        world =>
        {
            using AtomicGroup group = HeapOf(world).BeginAtomic();
            first.Run(world);
            GroupSavepoint savepoint = group.Savepoint();
            foreach (LabOperation<TWorld, TModel> operation in undone)
            {
                operation.Run(world);
            }

            group.RollBackTo(savepoint);
            last.Run(world);
            if (commit)
            {
                group.Commit();
            }
        },
        model =>
        {
            if (commit)
            {
                first.Model(model);
                last.Model(model);
            }
        }));

    /// <summary>Does an operation and explores its crashes.</summary>
    public void Explore(LabOperation<TWorld, TModel> operation)
    {
        _ = World;
        TModel old = _model.Copy();
        int mark = _space.Mark;
        Run(operation);
        RequireSeam();
        Judge("as it returns", () =>
        {
            RequireOne(World, null);
            RequireNow(World, _space);
        });
        if (PowerLoss is null)
        {
            ExploreCrashes(mark, old);
            _space.Settle();
        }
        else
        {
            ExplorePowerLosses(mark, old, PowerLoss);
        }

        RequireSeam();
    }

    /// <summary>
    /// Does operations that are drawn one by one, and explores the crashes of a third of them, those of the recovery
    /// now and then; under losses of power those of all, for each begins with what the one before left open.
    /// </summary>
    public void Wander(
        Random random, int operations, Func<LabOperation<TWorld, TModel>> draw, bool recoveries = true)
    {
        for (int i = 0; i < operations; i++)
        {
            CrashRecoveryToo = recoveries && (PowerLoss is not null || random.Next(8) == 0);
            LabOperation<TWorld, TModel> operation = draw();
            if (PowerLoss is not null || random.Next(3) == 0)
            {
                Explore(operation);
            }
            else
            {
                Do(operation);
            }
        }
    }

    /// <summary>Makes the heap and the collections from stale memory, and explores the crashes on the way.</summary>
    public void ExploreCreation()
    {
        _history.Add("creation");
        _space.MakeStale();
        Reopen();
        RequireSeam();
        RecordedStore[] stores = _space.Since(0);
        _space.GoBack(0);
        foreach ((int made, string when, bool complete) in CrashWalk.Crashes(_space, stores))
        {
            _space.IsFormatted = complete || made >= _space.StoresBeforeMark;
            Attempt(null, when, null);
        }
    }

    /// <summary>
    /// Makes a further collection, and explores the crashes; after each it is made, or used, by
    /// <paramref name="then"/>.
    /// </summary>
    public void ExploreCreation(Action<TWorld> create, Action<TWorld> then)
    {
        TWorld world = World;
        int mark = _space.Mark;
        Recording(() => create(world));
        RequireSeam();
        ExploreCrashes(mark, _model, then);
        RequireSeam();
    }

    public void Dispose() => _space.Dispose();

    /// <summary>Opens the collections, or makes them.</summary>
    protected abstract TWorld Open(PersistentHeap heap);

    protected abstract PersistentHeap HeapOf(TWorld world);

    /// <summary>Throws where something is wrong that holds whenever an operation, or an attach, has returned.</summary>
    protected virtual void RequireNow(TWorld world, LabSpace space)
    {
    }

    /// <summary>
    /// What an application does some time after an attach; what the collections hold stays the same. True where there
    /// is such a thing.
    /// </summary>
    protected virtual bool Upkeep(TWorld world) => false;

    /// <summary>The states of an operation come, in the order of its stores.</summary>
    protected virtual void BeginStates()
    {
    }

    /// <summary>A state is there, and nobody has attached to it yet: what a reader of another process sees.</summary>
    /// <param name="space">The memory.</param>
    /// <param name="before">What was there before the operation; null where it has returned.</param>
    /// <param name="after">What is there after it.</param>
    protected virtual void BeforeAttach(LabSpace space, TModel? before, TModel after)
    {
    }

    /// <summary>What the process after the next one does.</summary>
    protected virtual void Afterwards(Func<TWorld> attach)
    {
    }

    private void Run(LabOperation<TWorld, TModel> operation)
    {
        TWorld world = World;
        _history.Add(operation.Name);
        Recording(() => operation.Run(world));
        operation.Model(_model);
    }

    private void ExploreCrashes(int mark, TModel old, Action<TWorld>? then = null)
    {
        RecordedStore[] stores = _space.Since(mark);
        _space.GoBack(mark);
        BeginStates();
        foreach ((_, string when, bool complete) in CrashWalk.Crashes(_space, stores))
        {
            if (ChecksBeforeRecovery)
            {
                RequireNoDamage(when);
            }

            RecordedStore[] recovery = Attempt(complete ? null : old, when, then);
            if (CrashRecoveryToo && then is null && recovery.Length > 0)
            {
                ExploreRecovery(recovery, complete ? null : old, when);
            }
        }

        if (Reorder is not null)
        {
            _space.GoBack(mark);
            BeginStates();
            foreach (string when in CrashWalk.Reorderings(_space, stores, Reorder))
            {
                Attempt(old, when, then);
            }
        }
    }

    private void ExploreRecovery(RecordedStore[] recovery, TModel? old, string when)
    {
        int mark = _space.Mark;
        _space.Epoch++;
        foreach ((_, string again, bool recovered) in CrashWalk.Crashes(_space, recovery))
        {
            if (!recovered)
            {
                Attempt(old, $"{when}, then {again} of its recovery", null);
            }
        }

        _space.Epoch--;
        _space.GoBack(mark);
    }

    // Changes in flight are what the check says then, and all.
    private void RequireNoDamage(string when) => Judge($"{when}, before the recovery", () =>
    {
        HeapSnapshot heap = HeapReader.Read(new ReadingSpace(_space));
        Assert.True(heap.Refusal is null, heap.Refusal?.Message);
        Assert.All(heap.Roots, root => Assert.True(root.Problem is null, root.Problem?.Message));
        if (heap.ChangesInFlight == 0)
        {
            LabCounts.Add("states checked before a recovery", _part);
            Assert.Empty(HeapVerifier.Verify(PersistentHeap.Open(new ReadingSpace(_space))));
        }
    });

    // What floats is the end of what the memory knows: what is durable is always the beginning.
    private void ExplorePowerLosses(int mark, TModel old, Random random)
    {
        RecordedStore[] stores = _space.Since(mark);
        _space.GoBack(mark - _floating.Count);
        foreach ((string when, bool complete) in CrashWalk.PowerLosses(_space, _floating, stores, random))
        {
            Attempt(complete ? null : old, when, null);
        }
    }

    // A store that went past the seam shows here.
    private void RequireSeam()
    {
        int at = _space.PastTheSeam();
        Assert.True(at < 0, $"a store went past the seam at {at} in {Text()}");
    }

    /// <summary>Attaches as the next process, looks, and takes all back; the stores of it.</summary>
    private RecordedStore[] Attempt(TModel? old, string when, Action<TWorld>? then)
    {
        LabCounts.Add(LabCounts.CrashStates, _part);
        int mark = _space.Mark;
        bool formatted = _space.IsFormatted;
        Judge($"{when}, seen from another process", () => BeforeAttach(_space, old, _model));
        _space.Epoch++;
        Judge(when, () => Recording(() => Check(old, then)));
        RecordedStore[] stores = _space.Since(mark);
        _space.Epoch++;
        Judge($"{when}, two attaches later", () => Recording(() => Afterwards(Attach)));
        _space.GoBack(mark);
        _space.Epoch -= 2;
        _space.IsFormatted = formatted;
        return stores;
    }

    private void Check(TModel? old, Action<TWorld>? then)
    {
        TWorld world = Attach();
        RequireOne(world, old);
        RequireNow(world, _space);
        then?.Invoke(world);
        if (Upkeep(world))
        {
            RequireOne(world, old);
        }

        IReadOnlyList<string> problems = HeapVerifier.Verify(HeapOf(world));
        Assert.True(problems.Count == 0, string.Join('\n', problems));
    }

    private void RequireOne(TWorld world, TModel? old)
    {
        string difference = _model.Difference(world);
        if (difference.Length > 0 && (old is null || old.Difference(world).Length > 0))
        {
            Assert.Fail($"neither before nor after:\n{difference}\nand from before:\n{old?.Difference(world)}");
        }
    }

    private void Judge(string when, Action look)
    {
        try
        {
            look();
        }
        catch (Exception error)
        {
            throw new InvalidOperationException($"{Text()}: {when}: {error.Message}", error);
        }
    }

    private TWorld Reopen()
    {
        Recording(() => _world = Attach());
        return _world!;
    }

    private void Recording(Action action)
    {
        Persist.Trace = _space;
        try
        {
            action();
        }
        finally
        {
            Persist.Trace = null;
        }
    }

    private string Text() => string.Join(" | ", _history);

    private TWorld Attach() => Open(PersistentHeap.Open(_space, _options));
}

/// <summary>What collections should hold.</summary>
internal interface ILabModel<TWorld, TModel>
{
    TModel Copy();

    /// <summary>One line per difference; empty where the collections hold just this.</summary>
    string Difference(TWorld world);
}

/// <summary>A mutating operation, on the collections and on the model alike.</summary>
internal record LabOperation<TWorld, TModel>(string Name, Action<TWorld> Run, Action<TModel> Model)
{
    public override string ToString() => Name;
}
