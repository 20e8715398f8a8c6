using GuestMemFs.Collections;
using GuestMemFs.Format;
using GuestMemFs.Heap;
using GuestMemFs.Inspection;

namespace GuestMemFs.CrashLab;

/// <summary>
/// Runs an operation on a dictionary with its stores recorded, then attaches to every state that a crash during it can
/// leave, and to every state that a crash during that recovery can leave. Each must hold what was there before or what
/// is there after, whole, with nothing leaked.
/// </summary>
internal sealed unsafe partial class DictionaryLab : IDisposable
{
    private readonly LabSpace _live;
    private readonly LabSpace _crashed;
    private readonly LabSpace _again;
    private readonly List<string> _history = [];
    private DictionaryModel _model = new();
    private PersistentDictionary _dictionary;

    private readonly string _part;
    private readonly bool _erases;

    /// <summary>A fresh heap with an empty dictionary, on stale memory.</summary>
    /// <param name="length">Of the memory, in bytes.</param>
    /// <param name="part">Under which name its crash states are counted.</param>
    /// <param name="erases">
    /// Whether the heap erases: no state may then have a letter of what is not in a record.
    /// </param>
    /// <param name="checksums">With a checksum in each record.</param>
    public DictionaryLab(long length, string part, bool erases = false, bool checksums = false)
    {
        _part = part;
        _erases = erases;
        _live = new LabSpace(length);
        _crashed = new LabSpace(length);
        _again = new LabSpace(length);
        _live.Bytes.Fill(0xA5);
        _dictionary = Attach(_live, _erases, out _, checksums);
    }

    /// <summary>How deep a crash of the recovery is looked into: each store of it, or not at all.</summary>
    public bool CrashRecoveryToo { get; set; } = true;

    /// <summary>
    /// Where set, states that a weak order of stores can leave are looked at too; samples are drawn from it.
    /// </summary>
    public Random? Reorder { get; set; }

    /// <summary>Blocks that compaction has moved since the last attach of the living memory.</summary>
    public long BlocksMoved => _dictionary.Core.Heap.GetStatistics().BlocksMoved;

    /// <summary>Does an operation without a look at its crashes.</summary>
    public void Do(DictionaryOperation operation)
    {
        if (Persist.Trace is null)
        {
            _durable = null;
        }

        _history.Add(operation.Name);
        operation.Run(_dictionary);
        operation.Model(_model);
    }

    /// <summary>A point to come back to.</summary>
    public (Image Image, DictionaryModel Model) Save() => (_live.Capture(), _model.Copy());

    public void Restore((Image Image, DictionaryModel Model) saved, string name)
    {
        _live.Load(saved.Image);
        _model = saved.Model.Copy();
        _history.Clear();
        _history.Add(name);
        _durable = null;
        _dictionary = Attach(_live, _erases, out _);
    }

    /// <summary>Does an operation and explores its crashes.</summary>
    public void Explore(DictionaryOperation operation)
    {
        Image before = _live.Capture();
        DictionaryModel old = _model.Copy();
        StoreTrace trace = new(_live.Base, _live.Length);
        Persist.Trace = trace;
        try
        {
            Do(operation);
        }
        finally
        {
            Persist.Trace = null;
        }

        AssertComplete(before, trace);
        AssertErased(_live, "as it returns");
        if (PowerLoss is not null)
        {
            ExplorePowerLoss(before, trace, old);
            return;
        }

        Image crash = before with { Bytes = (byte[])before.Bytes.Clone() };
        foreach ((string when, bool complete) in StoreTrace.Crashes(trace.Stores, crash.Bytes))
        {
            _crashed.Load(crash);
            StoreTrace recovery = new(_crashed.Base, _crashed.Length);
            Persist.Trace = recovery;
            try
            {
                Check(_crashed, complete ? null : old, when);
            }
            finally
            {
                Persist.Trace = null;
            }

            if (CrashRecoveryToo && recovery.Stores.Count > 0)
            {
                Image redone = new((byte[])crash.Bytes.Clone(), crash.Epoch + 1, crash.IsFormatted);
                foreach ((string then, bool recovered) in StoreTrace.Crashes(recovery.Stores, redone.Bytes))
                {
                    if (!recovered)
                    {
                        _again.Load(redone);
                        Check(_again, complete ? null : old, $"{when}, then {then} of its recovery");
                    }
                }
            }
        }

        if (Reorder is not null)
        {
            ExploreReorderings(before, trace, old);
        }
    }

    /// <summary>Makes the heap and the dictionary from stale memory, and explores the crashes on the way.</summary>
    public static void ExploreCreation(long length, Random? reorder, bool checksums = false)
    {
        using DictionaryLab lab = new(length, "dictionary creation") { Reorder = reorder };
        lab._history.Add("creation");
        Image blank = new(new byte[length], 0, false);
        blank.Bytes.AsSpan().Fill(0xA5);
        lab._live.Load(blank);
        StoreTrace trace = new(lab._live.Base, length);
        Persist.Trace = trace;
        lab._dictionary = Attach(lab._live, erases: false, out _, checksums);
        Persist.Trace = null;
        lab.AssertComplete(blank, trace);
        Image crash = blank with { Bytes = (byte[])blank.Bytes.Clone() };
        foreach ((string when, bool complete) in StoreTrace.Crashes(trace.Stores, crash.Bytes))
        {
            int stores = complete ? trace.Stores.Count
                : int.Parse(when.Split(' ')[when[0] == 'a' ? 1 : 2].TrimEnd(','), null);
            lab._crashed.Load(crash with { IsFormatted = stores >= lab._live.StoresBeforeMark });
            lab.Check(lab._crashed, null, when);
        }
    }

    private void ExploreReorderings(Image before, StoreTrace trace, DictionaryModel old)
    {
        Image crash = before with { Bytes = (byte[])before.Bytes.Clone() };
        foreach (string when in StoreTrace.Reorderings(trace.Stores, crash.Bytes, Reorder!))
        {
            _crashed.Load(crash);
            Check(_crashed, old, when);
        }
    }

    public void Dispose()
    {
        _live.Dispose();
        _crashed.Dispose();
        _again.Dispose();
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

    private void Check(LabSpace space, DictionaryModel? old, string when)
    {
        LabCounts.Add(LabCounts.CrashStates, _part);
        PersistentDictionary dictionary;
        PersistentHeap heap;
        try
        {
            dictionary = Attach(space, _erases, out heap);
        }
        catch (Exception error)
        {
            throw new InvalidOperationException($"{Text()}: {when}: {error.Message}", error);
        }

        string difference = _model.Difference(dictionary);
        if (difference.Length > 0 && (old is null || old.Difference(dictionary).Length > 0))
        {
            Assert.Fail($"{Text()}: {when}: neither before nor after:\n{difference}\nand from " +
                $"before:\n{old?.Difference(dictionary)}");
        }

        Assert.True(dictionary.Core.State.HashesWith(space.Seed),
            $"{Text()}: {when}: the hash is not keyed with the arena's seed");
        IReadOnlyList<string> problems = HeapVerifier.Verify(heap);
        Assert.True(problems.Count == 0, $"{Text()}: {when}:\n{string.Join('\n', problems)}");
        AssertErased(space, when);
    }

    /// <summary>
    /// Where the heap erases: what is no record has no three letters in a row, which keys and values consist of.
    /// </summary>
    private void AssertErased(LabSpace space, string when)
    {
        if (!_erases)
        {
            return;
        }

        Span<byte> rest = space.Bytes[..(int)(new HeapFrontier(space).Read() << HeapFormat.PageShift)].ToArray();
        foreach ((long block, long size) in HeapBlocks.Find(space))
        {
            ulong header = *(ulong*)(space.Base + block);
            long length = RecordFormat.IsRecord(header) ? RecordFormat.Length(header) : size;
            rest.Slice((int)block, (int)length).Clear();
        }

        rest = rest[(int)(HeapFormat.FirstPage << HeapFormat.PageShift)..];
        for (int at = rest.IndexOfAnyInRange((byte)'a', (byte)'z'), run = 0; at >= 0 && at < rest.Length; at++)
        {
            run = rest[at] is >= (byte)'a' and <= (byte)'z' ? run + 1 : 0;
            Assert.True(run < 3, $"{Text()}: {when}: what was deleted is at {at} behind the page table");
            if (run == 0 && rest[at..].IndexOfAnyInRange((byte)'a', (byte)'z') is var next)
            {
                at = next < 0 ? rest.Length : at + next - 1;
            }
        }
    }

    private string Text() => string.Join(" | ", _history);

    private static PersistentDictionary Attach(
        LabSpace space, bool erases, out PersistentHeap heap, bool checksums = false)
    {
        heap = PersistentHeap.Open(space, new HeapOptions { Erase = erases });
        var options = new PersistentDictionaryOptions { TimeProvider = StoppedTime.Instance, Checksums = checksums };
        return PersistentDictionary.OpenOrCreate(heap, "keys", options);
    }

    internal sealed class StoppedTime : TimeProvider
    {
        public static StoppedTime Instance { get; } = new();

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(1_000_000);
    }
}
