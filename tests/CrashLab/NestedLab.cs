using System.Buffers.Binary;
using System.Text;
using GuestMemFs.Format;
using GuestMemFs.Inspection;

namespace GuestMemFs.CrashLab;

/// <summary>
/// Collections that records own: attaches to every state that a crash in an operation can leave, frees what is left
/// over, and attaches to every state that a crash in that can leave.
/// </summary>
internal sealed unsafe class NestedLab : IDisposable
{
    private const long Length = 2 << 20;

    private readonly LabSpace _live = new(Length);
    private readonly LabSpace _crashed = new(Length);
    private readonly LabSpace _again = new(Length);
    private readonly List<string> _history = [];
    private readonly LabClock _clock = new();
    private SortedDictionary<string, string> _model = new(StringComparer.Ordinal);
    private NestedPlace _place;

    public NestedLab()
    {
        _live.Bytes.Fill(0xA5);
        _place = Attach(_live);
    }

    public bool CrashFreeingToo { get; set; } = true;

    public (Image Image, SortedDictionary<string, string> Model) Save() =>
        (_live.Capture(), new(_model, StringComparer.Ordinal));

    public void Restore((Image Image, SortedDictionary<string, string> Model) saved, string name)
    {
        _live.Load(saved.Image);
        _model = new(saved.Model, StringComparer.Ordinal);
        _history.Clear();
        _history.Add(name);
        _place = Attach(_live);
    }

    public void Do(NestedOperation operation)
    {
        _history.Add(operation.Name);
        operation.Run(_place);
        operation.Model(_model);
        string difference = Difference(_place, _model);
        Assert.True(difference.Length == 0, $"{Text()}: {difference}");
    }

    public void Explore(NestedOperation operation)
    {
        Image before = _live.Capture();
        SortedDictionary<string, string> old = new(_model, StringComparer.Ordinal);
        StoreTrace trace = Record(_live, () => Do(operation));
        Image crash = before with { Bytes = (byte[])before.Bytes.Clone() };
        foreach ((string when, bool complete) in StoreTrace.Crashes(trace.Stores, crash.Bytes))
        {
            _crashed.Load(crash);
            StoreTrace freeing = Record(_crashed, () => Check(_crashed, complete ? null : old, when));
            if (!CrashFreeingToo)
            {
                continue;
            }

            Image redone = new((byte[])crash.Bytes.Clone(), crash.Epoch + 1, crash.IsFormatted);
            foreach ((string again, bool freed) in StoreTrace.Crashes(freeing.Stores, redone.Bytes))
            {
                if (!freed)
                {
                    _again.Load(redone);
                    Check(_again, complete ? null : old, $"{when}, then {again} of the attach and the freeing");
                }
            }
        }
    }

    public void Dispose()
    {
        _live.Dispose();
        _crashed.Dispose();
        _again.Dispose();
    }

    private void Check(LabSpace space, SortedDictionary<string, string>? old, string when)
    {
        LabCounts.Add(LabCounts.CrashStates, "nested collections");
        try
        {
            NestedPlace place = Attach(space);
            AssertOne(place, old);
            while (!place.Nested.CollectGarbage(2))
            {
                // Freed in small steps, as a timer does it.
            }

            AssertOne(place, old);
            AssertNothingLeft(place);
            IReadOnlyList<string> problems = HeapVerifier.Verify(place.Heap);
            Assert.True(problems.Count == 0, string.Join('\n', problems));
        }
        catch (Exception error)
        {
            throw new InvalidOperationException($"{Text()}: {when}: {error.Message}", error);
        }
    }

    private void AssertOne(NestedPlace place, SortedDictionary<string, string>? old)
    {
        string difference = Difference(place, _model);
        if (difference.Length > 0 && (old is null || Difference(place, old).Length > 0))
        {
            Assert.Fail($"neither before nor after: {difference}");
        }
    }

    // One entry counts the numbers; each owned collection has one more, its owner's name.
    private static void AssertNothingLeft(NestedPlace place)
    {
        long owned = 0;
        foreach (string key in NestedOperation.Keys)
        {
            byte[] prefix = new byte[sizeof(long)];
            BinaryPrimitives.WriteInt64BigEndian(prefix, place.Nested.Find(Encoding.UTF8.GetBytes(key)));
            owned += prefix[^1] == 0 ? 0 : place.Nested.Entries.Section(prefix).Count;
        }

        long notes = place.Nested.Entries.Section(NestedOperation.Notes).Count;
        Assert.Equal(owned + notes, place.Nested.Entries.Count - (place.Nested.Entries.Count > 0 ? 1 : 0));
        Assert.InRange(notes, 0, NestedOperation.MostNotes);
    }

    private static string Difference(NestedPlace place, SortedDictionary<string, string> model)
    {
        StringBuilder text = new();
        foreach (string key in NestedOperation.Keys)
        {
            string found = NestedOperation.Show(place, key);
            string expected = model.GetValueOrDefault(key, "");
            if (found != expected)
            {
                text.Append(key).Append(" is '").Append(found).Append("' and not '").Append(expected).Append("' ");
            }
        }

        return text.ToString();
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

    private NestedPlace Attach(LabSpace space)
    {
        PersistentHeap heap = PersistentHeap.Open(space);
        var keys = PersistentDictionary.OpenOrCreate(heap, "keys", new() { TimeProvider = _clock });
        return new(heap, NestedCollections.OpenOrCreate(heap, keys, "nested", _clock), _clock);
    }
}

/// <summary>A clock that operations may set.</summary>
internal sealed class LabClock : TimeProvider
{
    public long Milliseconds { get; set; } = 1_000_000;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(Milliseconds);
}

/// <summary>A heap, and the collections in it.</summary>
internal sealed record NestedPlace(PersistentHeap Heap, NestedCollections Nested, LabClock Clock)
{
    public bool InGroup { get; set; }

    /// <summary>Does it in a group of its own, or in the one that is open.</summary>
    public void Together(Action action)
    {
        if (InGroup)
        {
            action();
            return;
        }

        using AtomicGroup group = Heap.BeginAtomic();
        action();
        group.Commit();
    }
}
