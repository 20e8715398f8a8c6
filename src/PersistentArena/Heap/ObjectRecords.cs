using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>The stores that make a change of an application's root or field true.</summary>
internal sealed unsafe class ObjectRecords(HeapState state, HeapObjects objects, GroupLogWriter groupLogs)
{
    private readonly byte* _base = state.Base;

    /// <summary>
    /// Makes a word lead to a block with that value, or to nothing, and frees what it led to. The words' lock is held.
    /// </summary>
    /// <param name="lane">The caller's lane.</param>
    /// <param name="slot">The word.</param>
    /// <param name="value">What the block is filled with.</param>
    /// <param name="block">A block that was taken for it, or 0.</param>
    public void Replace(Lane lane, long slot, ReadOnlySpan<byte> value, long block)
    {
        long size = HeapObjects.HeaderLength + value.Length;
        long old = objects.Follow(slot);
        long oldSize = old == 0 ? 0 : objects.SizeOf(old, slot);
        if (block != 0)
        {
            lane.BeginFill(block);
            Persist.Copy(_base + block + HeapObjects.HeaderLength, value);
        }

        if (lane.InGroup && (old | block) != 0)
        {
            AppendToGroup(lane, new GroupEntry(old, block, slot | GroupEntry.OfWord), size);
        }

        Intent intent = new() { Slot = slot, Value = WordFor(slot, block), New = block, Old = lane.InGroup ? 0 : old };
        lane.Begin(intent);
        if (block != 0)
        {
            Persist.Publish((ulong*)(_base + block), BlockHeader.Sized(BlockHeader.TypeBlob, size));
        }

        Persist.Publish((ulong*)(_base + slot), intent.Value); // COMMIT POINT: object
        lane.Finish(intent);
        if (intent.Old != 0)
        {
            state.Blocks.Give(lane, old, oldSize);
        }
    }

    /// <summary>Undoes a change of a group, where it happened and was not undone before.</summary>
    public void Revert(Lane lane, in GroupEntry entry)
    {
        long slot = entry.Word;
        if (!Guard.Holds((slot & 7) == 0 && slot >= HeapFormat.RootsOffset
            && slot <= state.Space.Length - sizeof(ulong)))
        {
            throw new HeapDamagedException(state.Space.Name, slot, "a group's log names a word outside the heap");
        }

        if (*(ulong*)(_base + slot) != WordFor(slot, entry.New) || entry.Old == entry.New)
        {
            return;
        }

        long size = entry.New == 0 ? 0 : objects.SizeOf(entry.New, slot);
        Intent intent = new() { Slot = slot, Value = WordFor(slot, entry.Old), Old = entry.New };
        lane.Begin(intent);
        Persist.Publish((ulong*)(_base + slot), intent.Value); // COMMIT POINT: object back
        lane.Finish(intent);
        if (entry.New != 0)
        {
            state.Blocks.Give(lane, entry.New, size);
        }
    }

    private void AppendToGroup(Lane lane, in GroupEntry entry, long size)
    {
        try
        {
            groupLogs.Append(lane, entry);
        }
        catch (ArenaOutOfSpaceException)
        {
            if (entry.New != 0)
            {
                lane.Discard(entry.New);
                state.Blocks.Give(lane, entry.New, size);
            }

            throw;
        }
    }

    private static ulong WordFor(long slot, long block) =>
        HeapRoots.IsRoot(slot) ? SealedOffset.Seal(block, slot) : (ulong)block;
}
