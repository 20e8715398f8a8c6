using GuestMemFs.Heap;
using GuestMemFs.Inspection;
using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Typed;

/// <summary>Typed collections whose values become others.</summary>
public sealed class MigrationTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Values_are_converted_once_and_what_was_open_is_refused(bool sorted)
    {
        using PlainSpace space = new(16 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        DateTimeOffset later = DateTimeOffset.UtcNow.AddDays(1);
        PersistentMap<string, int> old = Open<int>(heap, sorted);
        for (int i = 0; i < 2000; i++)
        {
            old.Set($"key {i}", i, i % 2 == 0 ? later : null);
        }

        Assert.False(Migrate(heap, sorted, "nothing", (_, it) => it));
        Assert.True(Migrate(heap, sorted, "map", (key, it) => key == $"key {it}" ? it + (1L << 40) : 0));
        Assert.False(Migrate(heap, sorted, "map", (_, _) => throw new NotSupportedException()));

        Assert.Throws<RootDeletedException>(() => old.Set("key", 1));
        Assert.Throws<RootDeletedException>(() => old.ContainsKey("key"));
        Assert.Throws<PersistentShapeException>(() => Open<int>(heap, sorted));
        PersistentMap<string, long> map = Open<long>(heap, sorted);
        Assert.Equal(Enumerable.Range(0, 2000).Select(i => i + (1L << 40)), map.Select(it => it.Value).Order());
        Assert.Equal(1000, map is PersistentDictionary<string, long> it ? it.Bytes.ExpiringCount
            : ((PersistentSortedMap<string, long>)map).Bytes.ExpiringCount);
        map["more"] = 1;
        Assert.Equal(["map", ".shapes"], heap.Roots.Order(StringComparer.Ordinal).Reverse());
        Assert.Empty(HeapVerifier.Verify(heap, Cancellation));
        using PlainSpace crashed = space.Crash();
        Assert.Equal(2001, Open<long>(PersistentHeap.Open(crashed), sorted).Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void One_that_was_killed_continues_and_until_then_is_refused(bool sorted)
    {
        using PlainSpace space = new(16 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        for (int i = 0; i < 500; i++)
        {
            Open<int>(heap, sorted)[$"key {i}"] = i;
        }

        PlainSpace? killed = null;
        int converted = 0;
        Migrate(heap, sorted, "map", (_, it) =>
        {
            killed = ++converted == 300 ? space.Crash() : killed;
            return it;
        });

        using (killed)
        {
            heap = PersistentHeap.Open(killed!);
            Assert.Contains("on its way to", Assert.Throws<PersistentShapeException>(
                () => Open<int>(heap, sorted)).Found, StringComparison.Ordinal);
            Assert.Throws<PersistentShapeException>(() => Open<long>(heap, sorted));
            converted = 0;
            Assert.True(Migrate(heap, sorted, "map", (_, it) => it + (0L * converted++)));
            Assert.InRange(converted, 200, 202); // the one that was under way
            Assert.Equal(500, Open<long>(heap, sorted).Count);
            Assert.Empty(HeapVerifier.Verify(heap, Cancellation));
        }
    }

    [Fact]
    public void What_a_function_throws_and_a_lack_of_room_leave_the_collection_as_it_was()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        var dictionary = heap.OpenOrCreateDictionary<int, byte[]>("map");
        for (int i = 0; i < 500; i++)
        {
            dictionary[i] = new byte[8_000];
        }

        Assert.Throws<ArenaOutOfSpaceException>(() => heap.MigrateDictionary<int, byte[], string>(
            "map", null, null, (_, it) => new string('x', it.Length)));
        Assert.Throws<TimeZoneNotFoundException>(() => heap.MigrateDictionary<int, byte[], string>(
            "map", null, null, (_, _) => throw new TimeZoneNotFoundException()));
        Assert.Throws<PersistentShapeException>(() => heap.MigrateDictionary<int, long, string>(
            "map", null, null, (_, _) => ""));

        Assert.Equal(8_000, dictionary[499].Length);
        Assert.Equal(500, heap.OpenOrCreateDictionary<int, byte[]>("map").Count);
        heap.DeleteRoot("nothing");
        dictionary[500] = new byte[8_000];
        Assert.Empty(HeapVerifier.Verify(heap, Cancellation));
    }

    [Fact]
    public void A_reader_of_another_process_is_told_that_its_dictionary_was_converted()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Medium = medium.Open() });
        using PersistentRegion region = arena.CreateRegion(
            "heap", 8 << 20, new RegionOptions { Kind = RegionKind.Heap });
        PersistentHeap heap = PersistentHeap.Open(region);
        Open<int>(heap, sorted: false)["key"] = 5;
        using PersistentArena reading = PersistentArena.Open(
            new ArenaOptions { Medium = medium.Open(), Access = ArenaAccess.ReadOnly });
        PersistentHeap read = PersistentHeap.Open(reading.OpenRegion("heap"));
        PersistentMap<string, int> old = Open<int>(read, sorted: false);
        Assert.Equal(5, old["key"]);

        Assert.True(Migrate(heap, sorted: false, "map", (_, it) => it + 1));

        Assert.Throws<RootDeletedException>(() => old["key"]);
        Assert.Equal(6, Open<long>(read, sorted: false)["key"]);
    }

    private static PersistentMap<string, T> Open<T>(PersistentHeap heap, bool sorted) =>
        sorted ? heap.OpenOrCreateSortedMap<string, T>("map") : heap.OpenOrCreateDictionary<string, T>("map");

    private static bool Migrate(
        PersistentHeap heap, bool sorted, string name, ValueMigration<string, int, long> migrate) => sorted
        ? heap.MigrateSortedMap(name, null, null, migrate) : heap.MigrateDictionary(name, null, null, migrate);
}
