using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// Frees what a deleted sorted map holds, from its first leaf on: records, then the leaf, then a branch all of whose
/// children are gone. The words that led to what is gone are 0, so that a crash finds how far it came.
/// </summary>
internal sealed unsafe class TreeEmptying(PersistentHeap heap, long root) : IEmptying
{
    private const int RecordsAStep = 1 + IntentWord.MoreOldCount;

    private readonly TreeMemory _memory = new(heap, new TreeRoot(heap.Base, root));

    public bool Step(Lane lane, int steps)
    {
        for (; steps > 0; steps--)
        {
            if (*_memory.Root.NodeWord == 0)
            {
                return true;
            }

            FreeFirst(lane);
        }

        return *_memory.Root.NodeWord == 0;
    }

    private void FreeFirst(Lane lane)
    {
        ulong* word = _memory.Root.NodeWord;
        if (!_memory.TryTop(out TreeNode node))
        {
            throw Damaged();
        }

        while (!node.IsLeaf && FirstChild(node) is >= 0 and var index)
        {
            word = node.ChildWord(index);
            node = _memory.TryChild(node, index, out TreeNode child) ? child : throw Damaged();
        }

        if (!node.IsLeaf || !TryFreeRecords(lane, node))
        {
            FreeNode(lane, word, node);
        }
    }

    private static int FirstChild(in TreeNode branch)
    {
        int index = 0;
        while (index < branch.Count && *branch.ChildWord(index) == 0)
        {
            index++;
        }

        return index < branch.Count ? index : -1;
    }

    private bool TryFreeRecords(Lane lane, in TreeNode leaf)
    {
        if (!leaf.TryOrder(out SlotOrder order) || !order.IsValid())
        {
            throw Damaged();
        }

        int count = Math.Min(order.Count, RecordsAStep);
        if (count == 0)
        {
            return false;
        }

        Span<long> records = stackalloc long[RecordsAStep];
        Span<long> sizes = stackalloc long[RecordsAStep];
        for (int i = 0; i < count; i++)
        {
            if (!_memory.TryRecord(leaf, order[order.Count - 1], out byte* record, out ulong header))
            {
                throw Damaged();
            }

            records[i] = _memory.OffsetOf(record);
            sizes[i] = RecordFormat.Length(header);
            order = order.RemoveAt(order.Count - 1);
        }

        Intent intent = new()
        {
            Slot = _memory.OffsetOf(leaf.OrderWord),
            Value = leaf.OrderFor(order),
            Old = records[0],
            MoreOld = records[1..count],
        };
        lane.Begin(intent);
        Persist.Publish(leaf.OrderWord, intent.Value); // COMMIT POINT: deleted entries
        lane.Finish(intent);
        for (int i = 0; i < count; i++)
        {
            heap.Blocks.Give(lane, records[i], sizes[i]);
        }

        return true;
    }

    private void FreeNode(Lane lane, ulong* word, in TreeNode node)
    {
        long size = node.Size;
        Intent intent = new() { Slot = _memory.OffsetOf(word), Value = 0, Old = node.Offset };
        lane.Begin(intent);
        Persist.Publish(word, 0); // COMMIT POINT: deleted node
        lane.Finish(intent);
        heap.Blocks.Give(lane, node.Offset, size);
    }

    private HeapDamagedException Damaged() =>
        _memory.Damaged(root, "what is left of the deleted sorted map here does not check");
}
