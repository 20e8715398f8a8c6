using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>A child of a branch that is to be written.</summary>
/// <param name="Node">Its offset.</param>
/// <param name="Slice">Its fence's slice under the branch's prefix.</param>
internal readonly record struct ChildEntry(long Node, ulong Slice);

/// <summary>
/// Fills blocks that become nodes, all but their headers: nobody looks at them before. Bytes of a fence may lie in a
/// node that is replaced.
/// </summary>
internal readonly unsafe struct NodeWriter(TreeMemory memory)
{
    /// <summary>Writes a leaf of so many records in their order.</summary>
    public void WriteLeaf(long block, ReadOnlySpan<byte> fence, int prefixLength, ReadOnlySpan<long> records)
    {
        TreeNode leaf = Begin(block, TreeNode.ShapeOf(0, SlotOrder.Slots, prefixLength, fence.Length), fence);
        for (int slot = 0; slot < SlotOrder.Slots; slot++)
        {
            long record = slot < records.Length ? records[slot] : 0;
            byte* at = memory.At(record);
            Persist.Store(leaf.RecordWord(slot), SealedOffset.Seal(record, leaf.RecordPlace(slot)));
            Persist.Store(
                leaf.Slice(slot), record == 0 ? 0 : KeySlice.Of(RecordFormat.Key(at, *(ulong*)at), prefixLength));
        }

        Persist.Store(leaf.OrderWord, leaf.OrderFor(SlotOrder.Rising(records.Length)));
        Persist.Store(leaf.VersionWord, 0);
    }

    /// <summary>Writes a branch.</summary>
    public void WriteBranch(
        long block, ulong shape, ReadOnlySpan<byte> fence, ReadOnlySpan<ChildEntry> children, long total)
    {
        TreeNode branch = Begin(block, shape, fence);
        for (int i = 0; i < children.Length; i++)
        {
            Persist.Store(branch.Slice(i), children[i].Slice);
            Persist.Store(branch.ChildWord(i), SealedOffset.Seal(children[i].Node, branch.ChildPlace(i)));
        }

        Persist.Store(branch.TotalWord, (ulong)total);
        Persist.Store(branch.VersionWord, 0);
    }

    private TreeNode Begin(long block, ulong shape, ReadOnlySpan<byte> fence)
    {
        TreeNode node = new(memory.At(0), block, shape);
        Persist.Store(node.ShapeWord, SealedOffset.Seal((long)shape, block + sizeof(ulong)));
        Persist.Copy(node.FenceAt, fence);
        return node;
    }
}
