using GuestMemFs.Inspection;
using GuestMemFs.Typed;

namespace GuestMemFs.Tests.Typed;

/// <summary>Indexes of a table that come and go: beside other threads, across processes and kills.</summary>
public sealed class TableIndexTests : IDisposable
{
    private const int Many = 600; // entries: a group of a drop takes fewer
    private readonly PlainSpace _space = new(16 << 20);

    [Fact]
    public void What_changes_while_an_index_is_dropped_does_not_come_back_with_it_after_a_kill()
    {
        using PlainSpace killed = KillBetweenGroups();
        PersistentHeap heap = PersistentHeap.Open(killed);
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
        PersistentTable<int, string> found = heap.OpenOrCreateTable<int, string>("t");
        Assert.Empty(found.Indexes);
        found.Set(-1, "before it is declared"); // it is none
        PersistentIndex<int, string, string> index = found.UniqueIndex("value", it => it);
        for (int i = 0; i < Many; i++)
        {
            found.Set(i + Many, $"v{i}"); // each had been a removed record's
        }

        Assert.False(found.BuildIndexes(Patience.Limit));
        Assert.True(index.IsReady);
        Assert.Equal(Many + 1, index.Ascending().Count());
        Assert.Empty(found.Verify());
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void What_a_killed_drop_has_left_goes_with_the_next_build_or_drop()
    {
        foreach (bool builds in (bool[])[true, false])
        {
            using PlainSpace killed = KillBetweenGroups();
            PersistentHeap heap = PersistentHeap.Open(killed);
            PersistentTable<int, string> found = heap.OpenOrCreateTable<int, string>("t");
            Assert.NotEqual(0, PersistentSortedMap.OpenOrCreate(heap, "t.index").Count);
            Assert.True(builds ? !found.BuildIndexes(Patience.Limit) : found.DropIndex("value"));
            Assert.Equal(0, PersistentSortedMap.OpenOrCreate(heap, "t.index").Count);
            Assert.False(found.DropIndex("value"));
        }
    }

    [Fact]
    public void An_index_that_was_dropped_has_nothing_of_the_next_one_of_its_name()
    {
        PersistentTable<int, string> table = PersistentHeap.Open(_space).OpenOrCreateTable<int, string>("t");
        PersistentIndex<int, string, string> dropped = table.Index("value", it => it);
        Assert.True(table.DropIndex("value"));
        PersistentIndex<int, string, string> next = table.Index("value", it => it);
        table.Set(1, "v");
        Assert.Equal([1], next["v"].Select(it => it.Key));
        Assert.Equal(0, dropped.Count("v"));
        Assert.Empty(dropped.Ascending());
    }

    [Fact]
    public void All_that_declare_an_index_know_when_it_is_ready()
    {
        PersistentTable<int, string> table = PersistentHeap.Open(_space).OpenOrCreateTable<int, string>("t");
        table.Set(1, "v");
        PersistentIndex<int, string, string> first = table.Index("value", it => it);
        PersistentIndex<int, string, string> second = table.Index("value", it => it);
        PersistentIndex<int, string, string> other = Reader().Index("value", it => it);
        Assert.False(first.IsReady || second.IsReady || other.IsReady);
        Assert.False(table.BuildIndexes(Patience.Limit));
        Assert.True(first.IsReady && second.IsReady && other.IsReady);
        Assert.Equal([1], first["v"].Select(it => it.Key));
        Assert.Equal([1], other["v"].Select(it => it.Key));

        Assert.True(table.DropIndex("value"));
        Assert.False(other.IsReady);
        table.Index("value", it => it);
        Assert.False(table.BuildIndexes(Patience.Limit));
        Assert.False(other.IsReady); // another one of its name
        Assert.Throws<PersistentIndexException>(() => other["v"]);
        Assert.Equal([1], Reader().Index("value", it => it)["v"].Select(it => it.Key));
    }

    public void Dispose() => _space.Dispose();

    private PersistentTable<int, string> Reader() =>
        PersistentHeap.Open(_space.Reader()).OpenOrCreateTable<int, string>("t");

    /// <summary>A process that is killed within a drop: all records were removed between two of its groups.</summary>
    private static PlainSpace KillBetweenGroups()
    {
        using PlainSpace space = new(4 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        heap.OpenOrCreateTable<int, string>("t"); // makes its parts
        IPersistentSerializer<int> keys = PersistentSerializers.Default<int>();
        PersistentDictionary<int, string> records = new(
            PersistentDictionary.OpenOrCreate(heap, "t"), keys, PersistentSerializers.Text);
        TableCore<int, string> core = new(
            heap, "t", records, PersistentSortedMap.OpenOrCreate(heap, "t.index"), null, keys);
        core.Declare("value", isUnique: true, it => it, PersistentSerializers.Text);
        PersistentTable<int, string> table = new(core);
        for (int i = 0; i < Many; i++)
        {
            table.Set(i, $"v{i}");
        }

        Assert.True(core.DropSome(it => it.Name == "value", out bool more));
        Assert.True(more);
        for (int i = 0; i < Many; i++)
        {
            table.Remove(i);
        }

        return space.Crash();
    }
}
