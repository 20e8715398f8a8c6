using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Collections;

/// <summary>What a kill left of a collection that was being deleted.</summary>
public sealed class DroppedRootsTests
{
    private const int Large = 9 << 20;

    [Theory]
    [InlineData("dictionary")]
    [InlineData("map")]
    [InlineData("log")]
    public void It_is_room_where_room_is_needed(string kind)
    {
        using PlainSpace space = new(16 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary.OpenOrCreate(heap, "lives").Set("a"u8, "b"u8);
        Fill(heap, kind);
        Assert.Throws<ArenaOutOfSpaceException>(
            () => PersistentDictionary.OpenOrCreate(heap, "lives").Set("large"u8, new byte[Large]));
        heap.DropRoot(heap.RootWordOf(kind)); // the store that deletes it, and no more

        using PlainSpace after = space.Crash();
        heap = PersistentHeap.Open(after);
        PersistentDictionary lives = PersistentDictionary.OpenOrCreate(heap, "lives");
        lives.Set("large"u8, new byte[Large]);

        Assert.Equal("b"u8.ToArray(), lives.Get("a"u8));
        Assert.DoesNotContain(kind, heap.Roots);
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }

    // So full that half of what there is has no place any more.
    private static void Fill(PersistentHeap heap, string kind)
    {
        byte[] value = new byte[50_000];
        for (int i = 0; i < 200; i++)
        {
            switch (kind)
            {
                case "dictionary":
                    PersistentDictionary.OpenOrCreate(heap, kind).Set([(byte)i], value);
                    break;
                case "map":
                    PersistentSortedMap.OpenOrCreate(heap, kind).Set([(byte)i], value);
                    break;
                default:
                    PersistentLog.OpenOrCreate(heap, kind).Append(value);
                    break;
            }
        }
    }
}
