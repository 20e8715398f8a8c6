using System.Runtime.CompilerServices;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// Reading a sorted map without locks: find the leaf, let the reader copy, then see whether the leaf's version and the
/// tree's are what they were. A writer changes the one before a record that it replaced is free, and the other before
/// a node is: bytes that passed the test are of a record that was whole and current.
/// </summary>
internal sealed unsafe class TreeReader(TreeMemory memory, TimeProvider time)
{
    private readonly TreeSearch _search = new(memory);
    private readonly LeavesAhead _ahead = new(memory);

    /// <summary>One look at a record. False where a change came between: what the reader saw does not count.</summary>
    /// <exception cref="HeapDamagedException">The record may be there, and damage hides it.</exception>
    public bool TryLook<TReader>(ReadOnlySpan<byte> key, ref TReader reader, out bool exists)
        where TReader : struct, IRecordReader, allows ref struct
    {
        ulong version = memory.Version;
        Volatile.ReadBarrier();
        LeafLook look = _search.TryLeaf(key, out TreeNode leaf) ? new(leaf) : default;
        int slot = -1;
        byte* record = null;
        ulong header = 0;
        bool whole = look.IsAtLeaf && _search.TrySlot(leaf, key, out slot, out record, out header);
        exists = whole && slot >= 0 && !IsExpired(record, header);
        if (exists)
        {
            reader.Read(RecordView.Of(record, header));
        }

        if (!look.IsStill || memory.Version != version)
        {
            return false;
        }

        return whole ? true : throw Damaged();
    }

    /// <summary>One look at the record with the lowest key, or with the highest one.</summary>
    /// <remarks>An empty leaf at the end is passed over, and one more.</remarks>
    /// <exception cref="HeapDamagedException">The record may be there, and damage hides it.</exception>
    public EndLook TryLookAtEnd<TReader>(bool last, ref TReader reader)
        where TReader : struct, IRecordReader, allows ref struct
    {
        const int MostPassed = 2;
        ulong version = memory.Version;
        Volatile.ReadBarrier();
        TreePath path = default;
        bool whole = _search.TryPath(default, last ? Way.Last : Way.To, ref path);
        for (int passed = 0; ; passed++)
        {
            LeafLook look = whole ? new(path.Leaf) : default;
            SlotOrder order = SlotOrder.Empty;
            whole = whole && path.Leaf.TryOrder(out order) && TryReadEnd(path.Leaf, order, last, ref reader);
            if (!look.IsStill || memory.Version != version)
            {
                return EndLook.Changed;
            }

            if (!whole)
            {
                throw Damaged();
            }

            if (order.Count > 0 || passed == MostPassed || !TryBeside(last, ref path, out whole))
            {
                return order.Count > 0 ? EndLook.Seen : passed == MostPassed ? EndLook.LeafIsEmpty : EndLook.NoRecord;
            }
        }
    }

    private bool TryReadEnd<TReader>(in TreeNode leaf, SlotOrder order, bool last, ref TReader reader)
        where TReader : struct, IRecordReader, allows ref struct
    {
        if (order.Count == 0)
        {
            return true;
        }

        int slot = order[last ? order.Count - 1 : 0];
        if (slot >= SlotOrder.Slots || !memory.TryRecord(leaf, slot, out byte* record, out ulong header))
        {
            return false;
        }

        reader.Read(RecordView.Of(record, header));
        return true;
    }

    // Goes on to the leaf before the last one, or behind the first; false where there is none.
    private bool TryBeside(bool last, ref TreePath path, out bool whole)
    {
        bool isThere = last ? !path.Leaf.Fence.IsEmpty : path.DepthOfNext(path.Depth) >= 0;
        whole = !isThere || _search.TryBeside(last, ref path);
        return isThere;
    }

    /// <summary>
    /// One look at the entries of a leaf, from the batch's bound on in its direction; the batch's bound moves behind
    /// them. False where a change came between: the batch is as it was.
    /// </summary>
    /// <remarks>
    /// While the tree's version stays, no node that the batch came by is free, and none has been replaced by one that
    /// says something else: the way to the leaf before leads on. Else the bound does, from the topmost node.
    /// </remarks>
    /// <exception cref="HeapDamagedException">Entries may be there, and damage hides them.</exception>
    public bool TryFill(SortedBatch batch)
    {
        ulong version = memory.Version;
        Volatile.ReadBarrier();
        ref TreePath path = ref batch.Path;
        bool isBeside = batch.LeadsOn(version);
        bool found = isBeside
            ? _search.TryBeside(batch.Descends, ref path)
            : _search.TryPath(batch.Bound, batch.Way, ref path);
        LeafLook look = found ? new(path.Leaf) : default;
        bool whole = look.IsAtLeaf && TryCopy(batch, path, isBeside);
        if (!look.IsStill || memory.Version != version)
        {
            batch.Clear();
            return false;
        }

        if (!whole)
        {
            throw Damaged();
        }

        batch.Take(version);
        return true;
    }

    private bool TryCopy(SortedBatch batch, in TreePath path, bool isBeside)
    {
        TreeNode leaf = path.Leaf;
        if (!leaf.TryOrder(out SlotOrder order)
            || !TryRange(batch, leaf, order, isBeside, out int position, out int end))
        {
            return false;
        }

        if (batch.TakesLeaves)
        {
            _ahead.Bring(path, order, isBeside, batch.Descends);
        }

        int step = batch.Descends ? -1 : 1;
        for (; position != end && batch.HasRoom; position += step)
        {
            int slot = order[position];
            if (slot >= SlotOrder.Slots || !memory.TryRecord(leaf, slot, out byte* record, out ulong header))
            {
                return false;
            }

            if (batch.HasEnd && batch.IsBeyond(RecordFormat.Key(record, header)))
            {
                batch.NoteEnd();
                return true;
            }

            batch.Add(record, header, IsExpired(record, header));
        }

        return position != end || TryNoteNext(batch, path);
    }

    /// <summary>
    /// The positions of a leaf's order from the bound on: the first one, and the one behind the last.
    /// </summary>
    private bool TryRange(
        SortedBatch batch, in TreeNode leaf, SlotOrder order, bool isBeside, out int position, out int end)
    {
        end = batch.Descends ? -1 : order.Count;
        position = batch.Descends ? order.Count - 1 : 0;
        bool isWhole = isBeside || batch.Way == Way.Last
            || (batch.IncludesBound && !batch.Descends && batch.Bound.SequenceEqual(leaf.Fence));
        if (isWhole)
        {
            return true; // the usual case on the way up: the bound is the fence that the last leaf had beside it
        }

        bool whole = _search.TryPosition(leaf, order, batch.Bound, out int at, out bool equal);
        position = batch.Descends
            ? equal && batch.IncludesBound ? at : at - 1
            : equal && !batch.IncludesBound ? at + 1 : at;
        return whole;
    }

    // Behind a leaf comes the fence of what is beside it; before it, what is below its own.
    private bool TryNoteNext(SortedBatch batch, in TreePath path)
    {
        if (batch.Descends)
        {
            batch.NoteNext(path.Leaf.Fence);
            int most = batch.Way == Way.Below ? -1 : 0; // else a walk would not end
            return batch.Way == Way.Last || path.Leaf.Fence.SequenceCompareTo(batch.Bound) <= most;
        }

        int depth = path.DepthOfNext(path.Depth);
        if (depth < 0)
        {
            batch.NoteEnd();
            return true;
        }

        bool whole = memory.TryChild(path.Branch(depth), path.Index(depth) + 1, out TreeNode next);
        batch.NoteNext(whole ? next.Fence : []);
        return whole && next.Fence.SequenceCompareTo(batch.Bound) > 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsExpired(byte* record, ulong header)
    {
        long expiresAt = RecordFormat.ExpiresAt(record, header);
        return expiresAt != RecordView.NoExpiry && expiresAt <= time.GetUtcNow().ToUnixTimeMilliseconds();
    }

    private HeapDamagedException Damaged() =>
        memory.Damaged(memory.Root.Offset, "a way in the sorted map here does not lead to a record of its own");
}

/// <summary>What a look at an end of a tree came to.</summary>
internal enum EndLook
{
    /// <summary>A change came between: what the reader saw does not count.</summary>
    Changed,

    /// <summary>The reader saw the record.</summary>
    Seen,

    /// <summary>The tree has no record.</summary>
    NoRecord,

    /// <summary>The leaf at the end has none; others may have.</summary>
    LeafIsEmpty,
}
