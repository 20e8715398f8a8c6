using GuestMemFs.Serialization.MemoryPack;
using GuestMemFs.Serialization.MessagePack;
using MemoryPack;
using MessagePack;

namespace GuestMemFs.Serialization.Tests;

/// <summary>Values by other serializers: as they were set, after a restart too, and never taken for others.</summary>
public sealed class AdapterTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("gmf-serialization-");

    public static TheoryData<string> Kinds => ["memorypack", "messagepack"];

    public void Dispose() => _directory.Delete(recursive: true);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Values_are_there_after_a_restart(string kind)
    {
        Cart[] carts = [new("ada", ["apples", "ü"], 3), new("", [], -1), new("long", [new string('x', 100_000)], 0)];
        for (int life = 0; life < 2; life++)
        {
            using PersistentArena arena = Open(out PersistentHeap heap);
            PersistentDictionary<int, Cart> dictionary = heap.OpenOrCreateDictionary("carts", Options<Cart>(kind));
            for (int i = 0; i < carts.Length; i++)
            {
                Assert.Equal(life == 1, dictionary.TryGetValue(i, out Cart? there));
                Assert.True(life == 0 || carts[i].Is(there!));
                dictionary[i] = carts[i];
                Assert.True(carts[i].Is(dictionary[i]));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Another_type_another_version_and_another_serializer_are_refused(string kind)
    {
        using PersistentArena arena = Open(out PersistentHeap heap);
        heap.OpenOrCreateDictionary("carts", Options<Cart>(kind))[1] = new Cart("ada", ["apples"], 3);

        var refused = Assert.Throws<PersistentShapeException>(
            () => heap.OpenOrCreateDictionary("carts", Options<string>(kind)));
        Assert.Equal($"int32 -> {kind} GuestMemFs.Serialization.Tests.Cart version 1", refused.Found);
        Assert.Throws<PersistentShapeException>(() => heap.OpenOrCreateDictionary("carts", Options<Cart>(kind, 2)));
        string other = kind == "memorypack" ? "messagepack" : "memorypack";
        Assert.Throws<PersistentShapeException>(() => heap.OpenOrCreateDictionary("carts", Options<Cart>(other)));
        Assert.Throws<ArgumentOutOfRangeException>(() => Serializer<Cart>(kind, 0));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Bytes_that_are_no_value_are_refused(string kind)
    {
        IPersistentSerializer<Cart> serializer = Serializer<Cart>(kind, 1);

        Assert.Throws(
            kind == "memorypack" ? typeof(MemoryPackSerializationException) : typeof(MessagePackSerializationException),
            () => _ = serializer.Read([3, 255, 255, 255]));
    }

    private static PersistentMapOptions<int, T> Options<T>(string kind, int version = 1) =>
        new() { ValueSerializer = Serializer<T>(kind, version) };

    private static IPersistentSerializer<T> Serializer<T>(string kind, int version) => kind == "memorypack"
        ? MemoryPackSerializers.MemoryPack<T>(version) : MessagePackSerializers.MessagePack<T>(version: version);

    private PersistentArena Open(out PersistentHeap heap)
    {
        PersistentArena arena = PersistentArena.OpenOrCreate(
            new ArenaOptions { Directory = Path.Combine(_directory.FullName, "arena") });
        heap = PersistentHeap.Open(
            arena.OpenOrCreateRegion("heap", 8 << 20, new RegionOptions { Kind = RegionKind.Heap }));
        return arena;
    }
}

/// <summary>A value.</summary>
[MemoryPackable]
[MessagePackObject]
public sealed partial record Cart(
    [property: Key(0)] string Owner, [property: Key(1)] string[] Items, [property: Key(2)] int Count)
{
    /// <summary>True where another one is the same.</summary>
    public bool Is(Cart other) => (Owner, Count) == (other.Owner, other.Count) && Items.SequenceEqual(other.Items);
}
