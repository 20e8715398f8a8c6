using GuestMemFs.Collections;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Inspection;

/// <summary>
/// Checks what is left of a collection that was deleted: what its words still lead to is allocated, and of the kind
/// that it should be.
/// </summary>
/// <param name="heap">Where it lies.</param>
/// <param name="reach">Notes that something leads to a block.</param>
/// <param name="problem">Notes what is wrong.</param>
internal sealed unsafe class DeletedVerifier(PersistentHeap heap, ReachBlock reach, Action<string> problem)
{
    /// <summary>Checks the sorted map whose root object lies there.</summary>
    public void CheckTree(long root)
    {
        TreeMemory memory = new(heap, new TreeRoot(heap.Base, root));
        if (*memory.Root.NodeWord == 0)
        {
            return;
        }

        if (memory.TryTop(out TreeNode top))
        {
            CheckNode(memory, top);
        }
        else
        {
            problem($"the deleted sorted map at {root} leads to no node");
        }
    }

    /// <summary>Checks the log whose root object lies there.</summary>
    public void CheckLog(long root)
    {
        LogMemory memory = new(heap, new LogRoot(heap.Base, root));
        bool whole = memory.TryDirectory(out LogDirectory directory);
        if (whole && directory.Offset != 0
            && reach(directory.Offset, BlockHeader.TypeLogDirectory, "directory of a deleted log", directory.Size))
        {
            whole = directory.TrySpan(out int head, out int end);
            for (int i = head; whole && i < end; i++)
            {
                whole = memory.TrySegment(directory, i, out LogSegment segment) && reach(segment.Offset,
                    BlockHeader.TypeLogSegment, "segment of a deleted log", segment.Size);
            }
        }

        whole &= new LogPositions(memory).TryWalk(position => reach(
            position.Offset, BlockHeader.TypeLogPosition, "position of a deleted log", LogPosition.Size));
        if (!whole)
        {
            problem($"what is left of the deleted log at {root} does not check");
        }
    }

    private void CheckNode(TreeMemory memory, in TreeNode node)
    {
        string what = $"node {node.Offset} of a deleted sorted map";
        if (!reach(node.Offset, BlockHeader.TypeOf(node.Header), what, node.Size))
        {
            return;
        }

        if (node.IsLeaf)
        {
            CheckLeaf(memory, node, what);
            return;
        }

        for (int i = 0; i < node.Count; i++)
        {
            if (*node.ChildWord(i) != 0)
            {
                if (memory.TryChild(node, i, out TreeNode child))
                {
                    CheckNode(memory, child);
                }
                else
                {
                    problem($"{what}: child {i} is no node");
                }
            }
        }
    }

    private void CheckLeaf(TreeMemory memory, in TreeNode leaf, string what)
    {
        if (!leaf.TryOrder(out SlotOrder order) || !order.IsValid())
        {
            problem($"{what}: the order of its slots makes no sense");
            return;
        }

        for (int i = 0; i < order.Count; i++)
        {
            if (memory.TryRecord(leaf, order[i], out byte* record, out ulong header))
            {
                reach(memory.OffsetOf(record), (byte)header, $"record of {what}", RecordFormat.Length(header));
            }
            else
            {
                problem($"{what}: slot {order[i]} leads to no record");
            }
        }
    }
}
