using GuestMemFs.Collections;
using GuestMemFs.Format;
using GuestMemFs.Heap;
using GuestMemFs.Typed;

namespace GuestMemFs;

/// <summary>Deletes what a heap holds under a name.</summary>
public static class PersistentRoots
{
    /// <summary>
    /// Deletes a root with what belongs to it: a collection, typed or not, with all that is in it; a table with its
    /// indexes and its feed; an object of the application's own. With one store the name is gone, in other processes
    /// too; then its memory is given back, while other threads change the heap. Killed meanwhile, what is left is given
    /// back by the next deletion, or when room is needed.
    /// </summary>
    /// <remarks>
    /// <para>What this process or another one has open under the name is refused from then on
    /// (<see cref="RootDeletedException"/>). A root of the same name can be made at once.</para>
    /// <para>A table is three roots, which go one after the other, its records last: killed in between, it has its
    /// records, and its indexes are to be built anew.</para>
    /// </remarks>
    /// <param name="heap">The heap.</param>
    /// <param name="name">The name.</param>
    /// <returns>False where there is no root of that name.</returns>
    /// <exception cref="RootInUseException">
    /// It is an object that leads to others, which would be lost: free them first, and replace it by one that leads
    /// nowhere. Or it is part of a table, or of what the heap keeps for itself.
    /// </exception>
    /// <exception cref="AtomicGroupException">This thread has a group open.</exception>
    /// <exception cref="ReentrantCallException">Called from a callback.</exception>
    public static bool DeleteRoot(this PersistentHeap heap, string name)
    {
        ArgumentNullException.ThrowIfNull(heap);
        ArgumentException.ThrowIfNullOrEmpty(name);
        RequireOwnerless(heap, name);
        foreach (string part in PersistentTables.PartsOf(heap, name))
        {
            Drop(heap, part);
        }

        bool found = Drop(heap, name);
        if (heap.Space.IsWritable && found)
        {
            DroppedRoots.Of(heap).FreeAll();
        }

        return found;
    }

    private static void RequireOwnerless(PersistentHeap heap, string name)
    {
        if (name == ShapeCatalog.Name)
        {
            throw new RootInUseException(heap.Space.Name, name, "it is the heap's own list of shapes.");
        }

        if (PersistentTables.OwnerOf(heap, name) is { } table)
        {
            throw new RootInUseException(heap.Space.Name, name, $"it is part of table '{table}'. Delete that.");
        }
    }

    private static bool Drop(PersistentHeap heap, string name)
    {
        if (!heap.HasRoot(name))
        {
            return false;
        }

        Open(heap, name); // ends what a crash left half done in it
        bool done = heap.AloneOutsideGroups(() =>
        {
            long slot = heap.RootWordOf(name);
            if (slot == 0)
            {
                return false; // another thread was faster
            }

            RequireNoLinks(heap, name, slot);
            DroppedRoots.Of(heap).Drop(slot);
            return true;
        });
        if (done)
        {
            PersistentTables.Forget(heap, name);
            ShapeCatalog.Forget(heap, name);
        }

        return done;
    }

    private static void Open(PersistentHeap heap, string name)
    {
        new HeapRoots(heap.Space).Find(NamedRoots.NameBytes(name), out ulong layout);
        if (layout == DictionaryFormat.Layout)
        {
            PersistentDictionary.OpenOrCreate(heap, name);
        }
        else if (layout == LogRoot.Layout)
        {
            PersistentLog.OpenOrCreate(heap, name);
        }
        else if (TreeKind.Of(layout) is { } kind)
        {
            PersistentSortedMap.OpenAs(heap, name, kind);
        }
    }

    // What its fields are is known to the application; that none of its words leads to an object is seen.
    private static unsafe void RequireNoLinks(PersistentHeap heap, string name, long slot)
    {
        long root = new HeapRoots(heap.Space).Follow(slot, SizeClasses.Granule);
        ulong header = *(ulong*)heap.At(root);
        if (BlockHeader.TypeOf(header) != BlockHeader.TypeBlob)
        {
            return;
        }

        for (long at = HeapObjects.HeaderLength; at + sizeof(long) <= BlockHeader.SizeOf(header); at += sizeof(long))
        {
            if (heap.IsObject(*(long*)heap.At(root + at)))
            {
                throw new RootInUseException(heap.Space.Name, name,
                    $"its object leads to another one (byte {at - HeapObjects.HeaderLength}), which would be lost. "
                    + "Free what hangs on it, and Set it to one that leads nowhere.");
            }
        }
    }
}
