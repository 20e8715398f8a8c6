using GuestMemFs.Format;
using GuestMemFs.Inspection;

namespace GuestMemFs.CrashLab;

/// <summary>
/// As <see cref="DictionaryLab"/>, for any collections of a heap: attaches to every state that a crash in an operation
/// can leave, and to every state that a crash in that recovery can leave.
/// </summary>
/// <typeparam name="TWorld">The collections, open.</typeparam>
/// <typeparam name="TModel">What they should hold.</typeparam>
internal abstract unsafe class HeapLab<TWorld, TModel> : IDisposable
    where TModel : class, ILabModel<TWorld, TModel>, new()
{
    private readonly LabSpace _live;
    private readonly LabSpace _crashed;
    private readonly LabSpace _again;
    private readonly List<string> _history = [];
    private readonly string _part;
    private readonly HeapOptions _options;
    private TModel _model = new();
    private TWorld _world;

    /// <summary>A fresh heap with empty collections, on stale memory.</summary>
    protected HeapLab(string part, HeapOptions? options = null, long length = 2 << 20)
    {
        _options = options ?? new HeapOptions();
        _part = part;
        _live = new LabSpace(length);
        _crashed = new LabSpace(length);
        _again = new LabSpace(length);
        _live.Bytes.Fill(0xA5);
        _world = Attach(_live);
    }

    /// <summary>How deep a crash of the recovery is looked into: each store of it, or not at all.</summary>
    public bool CrashRecoveryToo { get; set; } = true;

    /// <summary>
    /// Where set, states that a weak order of stores can leave are looked at too; samples are drawn from it.
    /// </summary>
    public Random? Reorder { get; set; }

    public TWorld World => _world;

    /// <summary>Does an operation without a look at its crashes.</summary>
    public void Do(LabOperation<TWorld, TModel> operation)
    {
        _history.Add(operation.Name);
        operation.Run(_world);
        operation.Model(_model);
    }

    /// <summary>A point to come back to.</summary>
    public (Image Image, TModel Model) Save() => (_live.Capture(), _model.Copy());

    public void Restore((Image Image, TModel Model) saved, string name)
    {
        _live.Load(saved.Image);
        _model = saved.Model.Copy();
        _history.Clear();
        _history.Add(name);
        _world = Attach(_live);
    }

    /// <summary>Does an operation and explores its crashes.</summary>
    public void Explore(LabOperation<TWorld, TModel> operation)
    {
        Image before = _live.Capture();
        TModel old = _model.Copy();
        StoreTrace trace = Record(_live, () => Do(operation));
        AssertComplete(before, trace);
        ExploreCrashes(before, trace, old);
    }

    /// <summary>
    /// Makes a further collection, and explores the crashes; after each it is made, or used, by
    /// <paramref name="then"/>.
    /// </summary>
    public void ExploreCreation(Action<TWorld> create, Action<TWorld> then)
    {
        Image before = _live.Capture();
        StoreTrace trace = Record(_live, () => create(_world));
        AssertComplete(before, trace);
        ExploreCrashes(before, trace, _model, then);
    }

    /// <summary>Opens the collections, or makes them.</summary>
    protected abstract TWorld Open(PersistentHeap heap);

    protected abstract PersistentHeap HeapOf(TWorld world);

    public void Dispose()
    {
        _live.Dispose();
        _crashed.Dispose();
        _again.Dispose();
    }

    private void ExploreCrashes(Image before, StoreTrace trace, TModel old, Action<TWorld>? then = null)
    {
        Image crash = before with { Bytes = (byte[])before.Bytes.Clone() };
        foreach ((string when, bool complete) in StoreTrace.Crashes(trace.Stores, crash.Bytes))
        {
            _crashed.Load(crash);
            StoreTrace recovery = Record(_crashed, () => Check(_crashed, complete ? null : old, when, then));
            if (CrashRecoveryToo && then is null && recovery.Stores.Count > 0)
            {
                Image redone = new((byte[])crash.Bytes.Clone(), crash.Epoch + 1, crash.IsFormatted);
                foreach ((string again, bool recovered) in StoreTrace.Crashes(recovery.Stores, redone.Bytes))
                {
                    if (!recovered)
                    {
                        _again.Load(redone);
                        Check(_again, complete ? null : old, $"{when}, then {again} of its recovery", then);
                    }
                }
            }
        }

        if (Reorder is not null)
        {
            Image weak = before with { Bytes = (byte[])before.Bytes.Clone() };
            foreach (string when in StoreTrace.Reorderings(trace.Stores, weak.Bytes, Reorder))
            {
                _crashed.Load(weak);
                Check(_crashed, old, when, then);
            }
        }
    }

    /// <summary>
    /// A store that went past the seam shows here: the recorded ones, on the image before, must give the memory after.
    /// </summary>
    private void AssertComplete(Image before, StoreTrace trace)
    {
        byte[] replayed = (byte[])before.Bytes.Clone();
        foreach (RecordedStore store in trace.Stores)
        {
            store.Bytes.CopyTo(replayed.AsSpan((int)store.Offset));
        }

        int different = replayed.AsSpan().CommonPrefixLength(_live.Bytes);
        Assert.True(different == replayed.Length, $"a store went past the seam at {different} in {Text()}");
    }

    private void Check(LabSpace space, TModel? old, string when, Action<TWorld>? then)
    {
        LabCounts.Add(LabCounts.CrashStates, _part);
        try
        {
            TWorld world = Attach(space);
            string difference = _model.Difference(world);
            if (difference.Length > 0 && (old is null || old.Difference(world).Length > 0))
            {
                Assert.Fail($"neither before nor after:\n{difference}\nand from before:\n{old?.Difference(world)}");
            }

            then?.Invoke(world);
            IReadOnlyList<string> problems = HeapVerifier.Verify(HeapOf(world));
            Assert.True(problems.Count == 0, string.Join('\n', problems));
        }
        catch (Exception error)
        {
            throw new InvalidOperationException($"{Text()}: {when}: {error.Message}", error);
        }
    }

    private static StoreTrace Record(LabSpace space, Action action)
    {
        StoreTrace trace = new(space.Base, space.Length);
        Persist.Trace = trace;
        try
        {
            action();
        }
        finally
        {
            Persist.Trace = null;
        }

        return trace;
    }

    private string Text() => string.Join(" | ", _history);

    private TWorld Attach(LabSpace space) => Open(PersistentHeap.Open(space, _options));
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
