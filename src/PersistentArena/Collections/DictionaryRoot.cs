using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>The root object of a dictionary: made, and checked where it is there.</summary>
internal static unsafe class DictionaryRoot
{
    private static ulong Header => BlockHeader.Sized(BlockHeader.TypeDictionary, DictionaryFormat.Size);

    /// <summary>The offset of the root of that name, which is made where there is none; without a table then.</summary>
    /// <param name="heap">The heap.</param>
    /// <param name="name">The root's name.</param>
    /// <param name="checksums">True for values with a checksum, where it is made.</param>
    public static long FindOrCreate(PersistentHeap heap, string name, bool checksums)
    {
        long root = heap.FindRoot(name, DictionaryFormat.Layout);
        if (root == 0)
        {
            ulong options = checksums ? DictionaryFormat.ValueChecksums : 0;
            ulong feature = checksums ? HeapFormat.ValueChecksums : 0;
            RootForm form = new(DictionaryFormat.Layout, DictionaryFormat.Size, Header, feature);
            root = heap.CreateRoot(name, form, made => Fill(heap, made, options));
        }

        bool intact = *(ulong*)heap.At(root) == Header && DictionaryFormat.IsIntact(heap.At(root));
        return Guard.Holds(intact) ? root : throw Damaged(heap, root);
    }

    /// <summary>True where there is a root of that name whose making was not cut off before the first table.</summary>
    public static bool IsFinished(PersistentHeap heap, string name)
    {
        long root = heap.FindRoot(name, DictionaryFormat.Layout);
        return root != 0
            && (*(ulong*)heap.At(root + DictionaryFormat.CurrentOffset) != 0
                || *(ulong*)heap.At(root + DictionaryFormat.GarbageOffset) != 0);
    }

    private static void Fill(PersistentHeap heap, long root, ulong options)
    {
        UInt128 seed = heap.Space.Seed;
        byte* at = heap.At(root);
        Persist.Fill(at + sizeof(ulong), DictionaryFormat.Size - sizeof(ulong), 0);
        Persist.Store((ulong*)(at + DictionaryFormat.Seed0Offset), (ulong)seed);
        Persist.Store((ulong*)(at + DictionaryFormat.Seed1Offset), (ulong)(seed >> 64));
        if (options != 0)
        {
            Persist.Store((ulong*)(at + DictionaryFormat.OptionsOffset), options);
        }

        ulong check = DictionaryFormat.SeedCheck((ulong)seed, (ulong)(seed >> 64), options);
        Persist.Store((ulong*)(at + DictionaryFormat.SeedCheckOffset), check);
    }

    private static HeapDamagedException Damaged(PersistentHeap heap, long root)
    {
        heap.ThrowIfGone();
        return new(heap.Space.Name, root, "the root of a dictionary does not check");
    }
}
