using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using GuestMemFs.Format;

namespace GuestMemFs.Collections;

/// <summary>
/// Has the processor fetch what a walk through leaves comes to next, while it copies what it is at. Nothing that it
/// reads decides anything: a word that has changed meanwhile costs time.
/// </summary>
internal readonly unsafe struct LeavesAhead(TreeMemory memory)
{
    private const int Line = 64;
    private const int LinesOfLeaf = 4;

    /// <summary>
    /// Fetches the records of the leaf beside a path's, and the leaf beside that one; its own records too, where
    /// nothing was fetched before.
    /// </summary>
    public void Bring(in TreePath path, SlotOrder order, bool isUnderWay, bool descends)
    {
        if (!isUnderWay)
        {
            BringRecords(path.Leaf, order);
        }

        int step = descends ? -1 : 1;
        int depth = path.Depth - 1;
        int index = depth < 0 ? 0 : path.Index(depth) + step;
        if (!Sse.IsSupported || depth < 0 || !IsChild(path.Branch(depth), index))
        {
            return;
        }

        TreeNode parent = path.Branch(depth);
        if (IsChild(parent, index + step))
        {
            BringLeaf(parent, index + step);
        }

        if (memory.TryChild(parent, index, out TreeNode next) && next.TryOrder(out SlotOrder orderOfNext))
        {
            BringRecords(next, orderOfNext);
        }
    }

    /// <summary>Fetches all lines of a leaf at once, not each when the one before has come.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void BringLeaf(in TreeNode parent, int index)
    {
        if (Sse.IsSupported)
        {
            byte* leaf = memory.At(SealedOffset.Get(*parent.ChildWord(index)));
            for (int line = 0; line < LinesOfLeaf; line++)
            {
                Sse.Prefetch0(leaf + (line * Line));
            }
        }
    }

    /// <summary>Fetches the records of a leaf.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void BringRecords(in TreeNode leaf, SlotOrder order)
    {
        int count = Sse.IsSupported ? order.Count : 0;
        for (int i = 0; i < count; i++)
        {
            byte* record = memory.At(SealedOffset.Get(*leaf.RecordWord(order[i] % SlotOrder.Slots)));
            Sse.Prefetch0(record);
            Sse.Prefetch0(record + Line);
        }
    }

    private static bool IsChild(in TreeNode branch, int index) => (uint)index < (uint)branch.Count;
}
