using System.Buffers.Binary;
using System.Text;

namespace GuestMemFs.CrashLab;

/// <summary>Collections that records own; after each attach what is left over is freed, as a timer does it.</summary>
internal sealed class NestedLab() : HeapLab<NestedPlace, NestedModel>("nested collections")
{
    private readonly LabClock _clock = new();

    protected override NestedPlace Open(PersistentHeap heap)
    {
        var keys = PersistentDictionary.OpenOrCreate(heap, "keys", new() { TimeProvider = _clock });
        return new(heap, NestedCollections.OpenOrCreate(heap, keys, "nested", _clock), _clock);
    }

    protected override PersistentHeap HeapOf(NestedPlace world) => world.Heap;

    protected override bool Upkeep(NestedPlace world)
    {
        while (!world.Nested.CollectGarbage(2))
        {
            // In small steps.
        }

        RequireNothingLeft(world);
        return true;
    }

    // One entry counts the numbers; each owned collection has one more, its owner's name.
    private static void RequireNothingLeft(NestedPlace place)
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

/// <summary>What should be under each key: a string, or the entries of a collection.</summary>
internal sealed class NestedModel : ILabModel<NestedPlace, NestedModel>
{
    public SortedDictionary<string, string> Keys { get; private init; } = new(StringComparer.Ordinal);

    public NestedModel Copy() => new() { Keys = new(Keys, StringComparer.Ordinal) };

    public string Difference(NestedPlace place)
    {
        StringBuilder text = new();
        foreach (string key in NestedOperation.Keys)
        {
            string found = NestedOperation.Show(place, key);
            string expected = Keys.GetValueOrDefault(key, "");
            if (found != expected)
            {
                text.Append(key).Append(" is '").Append(found).Append("' and not '").Append(expected).Append("' ");
            }
        }

        return text.ToString();
    }
}
