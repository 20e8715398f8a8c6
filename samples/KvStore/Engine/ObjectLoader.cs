using KvStore.Memory;
using KvStore.Rdb;

namespace KvStore.Engine;

/// <summary>
/// Makes what a key has from what a dump says. Nothing of it is true before <see cref="Collection.Commit"/>; what is
/// not committed is freed in the background.
/// </summary>
internal sealed class ObjectLoader(KvEngine engine, byte[] key) : IDumpedObject, IDisposable
{
    /// <summary>The collection, which is new and not committed; null for a string.</summary>
    public Collection? Collection { get; private set; }

    /// <summary>The string.</summary>
    public GrowingBuffer Text { get; } = new();

    /// <summary>True where nothing is left of it: all of its fields have expired.</summary>
    public bool IsGone => Collection is { Exists: false };

    public void Dispose() => Text.Dispose();

    public void SetString(ReadOnlySpan<byte> value) => value.CopyTo(Text.Append(value.Length));

    public void BeginHash() => Begin(engine.Hash);

    public bool AddField(ReadOnlySpan<byte> field, ReadOnlySpan<byte> value, long time)
    {
        Check(field);
        FieldMap hash = engine.Hash;
        if (time != FieldTimes.Never && time <= hash.Now)
        {
            return true; // it has expired
        }

        bool isNew = hash.Set(field, value);
        if (time != FieldTimes.Never)
        {
            hash.SetTime(field, time);
        }

        return isNew;
    }

    public void BeginList() => Begin(engine.List);

    public void AddElement(ReadOnlySpan<byte> element) => engine.List.Push(element, atHead: false);

    public void BeginSet() => Begin(engine.Set);

    public bool AddMember(ReadOnlySpan<byte> member)
    {
        Check(member);
        return engine.Set.Add(member);
    }

    public void BeginSortedSet() => Begin(engine.SortedSet);

    public bool AddScored(ReadOnlySpan<byte> member, double score)
    {
        Check(member);
        bool isNew = !engine.SortedSet.TryGetScore(member, out _);
        engine.SortedSet.Set(member, score);
        return isNew;
    }

    public IDumpedStream BeginStream()
    {
        EntryStream stream = engine.Stream;
        Begin(stream);
        stream.Create();
        return new StreamLoader(stream);
    }

    private static void Check(ReadOnlySpan<byte> element) =>
        RdbFormatException.ThrowIfLonger(element, Collection.LongestElement);

    private void Begin(Collection collection)
    {
        Collection = collection;
        collection.OpenNew(key);
    }
}
