using System.Text;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// What a dictionary counts, read from its root without opening it. Every step on the way there is checked: these bytes may be damaged, and nobody has recovered them.
/// </summary>
internal readonly record struct DictionaryFigures(long Records, long RecordBytes, long Expiring)
{
    /// <summary>Reads them; null where the root is not a dictionary's, or gone.</summary>
    /// <exception cref="HeapDamagedException">What the root leads to is not what it says.</exception>
    public static DictionaryFigures? TryRead(PersistentHeap heap, string rootName)
    {
        long slot = new HeapRoots(heap.Space).Find(Encoding.UTF8.GetBytes(rootName), out ulong layout);
        if (slot == 0 || layout != DictionaryFormat.Layout)
        {
            return null;
        }

        long root = TableCheck.Block(heap.Space, slot, BlockHeader.TypeDictionary, DictionaryFormat.Size);
        long current = TableCheck.Block(heap.Space, root + DictionaryFormat.CurrentOffset, BlockHeader.TypeTable, Table.Size);
        Table table = TableAt(heap, current);
        return new DictionaryFigures(table.Sum(0), table.Sum(1), table.Sum(2));
    }

    private static unsafe Table TableAt(PersistentHeap heap, long offset) => new(heap.Base, offset);
}
