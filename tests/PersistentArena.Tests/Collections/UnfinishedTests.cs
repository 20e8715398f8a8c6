using GuestMemFs.Collections;
using GuestMemFs.Heap;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Collections;

/// <summary>
/// A collection whose making was cut off between its root and what the root leads to: it holds nothing, is no damage,
/// and is finished by the next open that has room.
/// </summary>
public sealed class UnfinishedTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void It_is_no_damage_and_is_finished_once_there_is_room(bool sorted)
    {
        using PlainSpace space = new(4 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary filler = PersistentDictionary.OpenOrCreate(heap, "filler");
        MakeRootAlone(heap, sorted);
        Fill(filler);

        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
        Assert.All(HeapReader.Read(space).Roots, root => Assert.Null(root.Problem));
        Assert.False(IsThere(heap, sorted));
        Assert.Throws<ArenaOutOfSpaceException>(() => Use(heap, sorted));
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));

        filler.Clear(); // its records go when somebody needs the room

        Use(heap, sorted);
        Assert.True(IsThere(heap, sorted));
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }

    private static bool IsThere(PersistentHeap heap, bool sorted) => sorted
        ? NestedCollections.Exists(heap, "cut off")
        : PersistentDictionary.Exists(heap, "cut off");

    private static void Use(PersistentHeap heap, bool sorted)
    {
        if (sorted)
        {
            PersistentSortedMap.OpenOrCreate(heap, "cut off").Set("k"u8, "v"u8);
        }
        else
        {
            PersistentDictionary.OpenOrCreate(heap, "cut off").Set("k"u8, "v"u8);
        }
    }

    private static unsafe void MakeRootAlone(PersistentHeap heap, bool sorted)
    {
        if (sorted)
        {
            TreeKind kind = TreeKind.SortedMap;
            heap.CreateRoot("cut off", new RootForm(kind.Layout, TreeRoot.Size, TreeRoot.Header, kind.Feature),
                block => new Span<byte>(heap.At(block) + sizeof(ulong), TreeRoot.Size - sizeof(ulong)).Clear());
        }
        else
        {
            DictionaryRoot.FindOrCreate(heap, "cut off", checksums: false);
        }
    }

    private static void Fill(PersistentDictionary filler)
    {
        int n = 0;
        foreach (int size in (int[])[60_000, 3_000, 200, 40, 1])
        {
            try
            {
                while (true)
                {
                    filler.Set(BitConverter.GetBytes(n++), new byte[size]);
                }
            }
            catch (ArenaOutOfSpaceException)
            {
                // A smaller one may find room.
            }
        }
    }
}
