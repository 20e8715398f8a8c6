using GuestMemFs.Tests.Hosting;

namespace GuestMemFs.Tests.Typed;

/// <summary>The shape of what is stored is kept with it.</summary>
public sealed class ShapeTests
{
    [Fact]
    public void Another_shape_is_refused_with_both_named_and_nothing_is_changed()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        heap.OpenOrCreateDictionary<string, int>("d")["k"] = 1;
        using PlainSpace after = space.Crash();
        heap = PersistentHeap.Open(after);

        var refused = Assert.Throws<PersistentShapeException>(() => heap.OpenOrCreateDictionary<string, long>("d"));

        Assert.Equal(("GMF6010", "d"), (refused.ReasonCode, refused.Collection));
        Assert.Equal(("text -> int32", "text -> int64"), (refused.Found, refused.Expected));
        Assert.Contains("text -> int32", refused.Message, StringComparison.Ordinal);
        Assert.Contains("text -> int64", refused.Message, StringComparison.Ordinal);
        Assert.Equal(1, heap.OpenOrCreateDictionary<string, int>("d")["k"]);
    }

    [Fact]
    public void A_changed_struct_is_refused_with_its_fields_named()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        IPersistentSerializer<Before> before = PersistentSerializers.Raw<Before>();
        IPersistentSerializer<After> after = PersistentSerializers.Raw<After>();
        heap.OpenOrCreateDictionary<Guid, Before>("d", new() { ValueSerializer = before });
        heap.OpenOrCreateList<Before>("l", new() { Serializer = before });
        heap.OpenOrCreateDictionary<Before, int>("k", new() { KeySerializer = before });

        var refused = Assert.Throws<PersistentShapeException>(
            () => heap.OpenOrCreateDictionary<Guid, After>("d", new() { ValueSerializer = after }));
        string[] fields =
            ["System.Int32 Kept is System.Int64 Kept", "System.Int32 Gone is gone", "System.Byte New is new"];
        Assert.Equal(fields.Append("8 bytes are 16").Select(field => "values: " + field), refused.Differences);
        Assert.All(refused.Differences, it => Assert.Contains(it, refused.Message, StringComparison.Ordinal));

        refused = Assert.Throws<PersistentShapeException>(
            () => heap.OpenOrCreateList<After>("l", new() { Serializer = after }));
        Assert.Equal(fields.Append("8 bytes are 16"), refused.Differences);
        refused = Assert.Throws<PersistentShapeException>(
            () => heap.OpenOrCreateDictionary<After, string>("k", new() { KeySerializer = after }));
        Assert.Contains("keys: System.Int32 Gone is gone", refused.Differences);
        Assert.Contains("values: int32 is text", refused.Differences);
    }

    [Fact]
    public void An_older_shape_that_is_named_is_opened_and_is_the_new_one_from_then_on()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        heap.OpenOrCreateDictionary<string, string>("d")["k"] = "v";
        var newer = new PersistentMapOptions<string, byte[]> { OlderShapes = ["text -> text"] };

        Assert.Equal("v"u8.ToArray(), heap.OpenOrCreateDictionary("d", newer)["k"]);

        Assert.Throws<PersistentShapeException>(() => heap.OpenOrCreateDictionary<string, string>("d"));
        Assert.Equal("v"u8.ToArray(), heap.OpenOrCreateDictionary<string, byte[]>("d")["k"]);
    }

    [Fact]
    public void A_dictionary_of_bytes_is_not_taken_for_a_typed_one()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary.OpenOrCreate(heap, "bytes").Set("k"u8, "v"u8);

        var refused = Assert.Throws<PersistentShapeException>(
            () => heap.OpenOrCreateDictionary<string, string>("bytes"));

        Assert.Null(refused.Found);
        Assert.Equal(["bytes"], heap.Roots);
        heap.OpenOrCreateDictionary<string, string>("typed")["k"] = "v";
        Assert.Throws<PersistentShapeException>(() => heap.OpenOrCreateDictionary<string, string>("bytes"));
        Assert.Throws<ArgumentException>(() => heap.OpenOrCreateDictionary<string, string>(".shapes"));
    }

    [Fact]
    public void A_shape_without_its_dictionary_is_of_a_creation_that_was_killed_and_does_not_count()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        heap.OpenOrCreateDictionary<int, int>("other");
        PersistentDictionary.OpenOrCreate(heap, ".shapes").Set("d"u8, "text -> int32"u8);

        heap.OpenOrCreateDictionary<string, string>("d")["k"] = "v";

        Assert.Equal("v", heap.OpenOrCreateDictionary<string, string>("d")["k"]);
    }

    [Fact]
    public void Of_two_threads_that_make_one_with_two_shapes_one_is_refused()
    {
        using PlainSpace space = new(64 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        heap.OpenOrCreateDictionary<int, int>("first");
        for (int round = 0; round < 3; round++)
        {
            string name = $"d{round}";
            int refused = 0;
            Thread[] threads =
            [
                new(() => Try(() => heap.OpenOrCreateDictionary<string, int>(name).Set("k", 1))),
                new(() => Try(() => heap.OpenOrCreateDictionary<string, string>(name).Set("k", "v"))),
            ];
            using (heap.BeginAtomic())
            {
                // Both come as far as they can: what they have to wait for is the group.
                Array.ForEach(threads, thread => thread.Start());
                Thread.Sleep(100);
            }

            Array.ForEach(threads, thread => thread.Join());
            Assert.Equal(1, refused);

            void Try(Action action)
            {
                try
                {
                    action();
                }
                catch (PersistentShapeException)
                {
                    Interlocked.Increment(ref refused);
                }
            }
        }
    }

    [Fact]
    public void None_is_made_in_a_group_and_one_that_is_there_is_opened()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        heap.OpenOrCreateDictionary<string, int>("there");
        using (heap.BeginAtomic())
        {
            Assert.Throws<AtomicGroupException>(() => heap.OpenOrCreateDictionary<string, int>("new"));
            heap.OpenOrCreateDictionary<string, int>("there")["k"] = 1;
        }

        Assert.Equal(0, heap.OpenOrCreateDictionary<string, int>("there").Count);
        Assert.Equal(0, heap.OpenOrCreateDictionary<string, long>("new").Count);
    }

    [Fact]
    public void A_reader_is_refused_another_shape_too_and_makes_nothing()
    {
        using var directory = new ArenaDirectory();
        string place = directory["arena"];
        using (PersistentArena arena = PersistentArena.Create(new ArenaOptions { Directory = place }))
        {
            var kind = new RegionOptions { Kind = RegionKind.Heap };
            using PersistentRegion region = arena.CreateRegion("heap", 16 << 20, kind);
            PersistentHeap.Open(region).OpenOrCreateDictionary<string, int>("d")["k"] = 5;
        }

        var options = new ArenaOptions { Directory = place, Access = ArenaAccess.ReadOnly };
        using PersistentArena reading = PersistentArena.Open(options);
        PersistentHeap heap = PersistentHeap.Open(reading.OpenRegion("heap"));
        PersistentDictionary<string, int> dictionary = heap.OpenOrCreateDictionary<string, int>("d");
        Assert.Equal(5, dictionary["k"]);
        Assert.Throws<PersistentShapeException>(() => heap.OpenOrCreateDictionary<string, string>("d"));
        Assert.Throws<ArenaReadOnlyException>(() => heap.OpenOrCreateDictionary<string, int>("new"));
        Assert.Throws<ArenaReadOnlyException>(() => dictionary["k"] = 6);
        Assert.Throws<ArenaReadOnlyException>(() => dictionary.TryAdd("new", 6));
        Assert.Throws<ArenaReadOnlyException>(() => dictionary.TryUpdate("k", 6, 5));
        Assert.Throws<ArenaReadOnlyException>(() => dictionary.GetOrAdd("new", _ => 6));
        Assert.Throws<ArenaReadOnlyException>(() => dictionary.AddOrUpdate("k", 6, (_, _) => 7));
        Assert.Throws<ArenaReadOnlyException>(() => dictionary.Remove("k"));
        Assert.Throws<ArenaReadOnlyException>(() => dictionary.Remove("k", out _));
        Assert.Throws<ArenaReadOnlyException>(() => dictionary.Expire("k", null));
        Assert.Throws<ArenaReadOnlyException>(dictionary.Clear);
        Assert.Equal(KeyValuePair.Create("k", 5), Assert.Single(dictionary));
    }

    private struct Before(int kept, int gone)
    {
        public int Kept = kept;
        public int Gone = gone;
    }

    private struct After(long kept, byte more)
    {
        public long Kept = kept;
        public byte New = more;
    }
}
