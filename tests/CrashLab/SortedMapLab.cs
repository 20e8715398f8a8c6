using GuestMemFs.Format;
using GuestMemFs.Inspection;

namespace GuestMemFs.CrashLab;

/// <summary>
/// As <see cref="DictionaryLab"/>, for a sorted map with a dictionary beside it: attaches to every state that a crash
/// in an
/// operation can leave, and to every state that a crash in that recovery can leave.
/// </summary>
internal sealed unsafe class SortedMapLab : IDisposable
{
    private readonly LabSpace _live;
    private readonly LabSpace _crashed;
    private readonly LabSpace _again;
    private readonly List<string> _history = [];
    private readonly string _part;
    private SortedMapModel _model = new();
    private SortedMapPair _pair;

    /// <summary>A fresh heap with an empty map, on stale memory.</summary>
    public SortedMapLab(string part)
    {
        const long length = 2 << 20;
        _part = part;
        _live = new LabSpace(length);
        _crashed = new LabSpace(length);
        _again = new LabSpace(length);
        _live.Bytes.Fill(0xA5);
        _pair = Attach(_live);
    }

    /// <summary>How deep a crash of the recovery is looked into: each store of it, or not at all.</summary>
    public bool CrashRecoveryToo { get; set; } = true;

    /// <summary>
    /// Where set, states that a weak order of stores can leave are looked at too; samples are drawn from it.
    /// </summary>
    public Random? Reorder { get; set; }

    public SortedMapPair Pair => _pair;

    /// <summary>Does an operation without a look at its crashes.</summary>
    public void Do(SortedMapOperation operation)
    {
        _history.Add(operation.Name);
        operation.Run(_pair);
        operation.Model(_model);
    }

    /// <summary>A point to come back to.</summary>
    public (Image Image, SortedMapModel Model) Save() => (_live.Capture(), _model.Copy());

    public void Restore((Image Image, SortedMapModel Model) saved, string name)
    {
        _live.Load(saved.Image);
        _model = saved.Model.Copy();
        _history.Clear();
        _history.Add(name);
        _pair = Attach(_live);
    }

    /// <summary>Does an operation and explores its crashes.</summary>
    public void Explore(SortedMapOperation operation)
    {
        Image before = _live.Capture();
        SortedMapModel old = _model.Copy();
        StoreTrace trace = Record(_live, () => Do(operation));
        AssertComplete(before, trace);
        ExploreCrashes(before, trace, old);
    }

    /// <summary>
    /// Makes the heap and the map from stale memory, and explores the crashes from where the heap is there.
    /// </summary>
    public void ExploreCreation(string name)
    {
        Image before = _live.Capture();
        StoreTrace trace = Record(_live, () => PersistentSortedMap.OpenOrCreate(_pair.Heap, name));
        AssertComplete(before, trace);
        ExploreCrashes(before, trace, _model, crashed =>
            PersistentSortedMap.OpenOrCreate(crashed.Heap, name).Set("k"u8, "v"u8));
    }

    public void Dispose()
    {
        _live.Dispose();
        _crashed.Dispose();
        _again.Dispose();
    }

    private void ExploreCrashes(Image before, StoreTrace trace, SortedMapModel old, Action<SortedMapPair>? then = null)
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

    private void Check(LabSpace space, SortedMapModel? old, string when, Action<SortedMapPair>? then)
    {
        LabCounts.Add(LabCounts.CrashStates, _part);
        try
        {
            SortedMapPair pair = Attach(space);
            string difference = _model.Difference(pair);
            if (difference.Length > 0 && (old is null || old.Difference(pair).Length > 0))
            {
                Assert.Fail($"neither before nor after:\n{difference}\nand from before:\n{old?.Difference(pair)}");
            }

            then?.Invoke(pair);
            IReadOnlyList<string> problems = HeapVerifier.Verify(pair.Heap);
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

    private static SortedMapPair Attach(LabSpace space)
    {
        PersistentHeap heap = PersistentHeap.Open(space);
        return new(
            heap,
            PersistentSortedMap.OpenOrCreate(heap, "map", new() { TimeProvider = DictionaryLab.StoppedTime.Instance }),
            PersistentDictionary.OpenOrCreate(
                heap, "keys", new() { TimeProvider = DictionaryLab.StoppedTime.Instance }));
    }
}
