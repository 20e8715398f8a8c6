using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>The stores that make a change of an application's root or field true.</summary>
internal sealed unsafe class ObjectRecords(HeapState state, HeapObjects objects, GroupLogWriter groupLogs)
{
    private readonly byte* _base = state.Base;

    /// <summary>
    /// Makes a word lead to a block with that value, or to nothing, and frees what it led to, unless that is kept. The
    /// words' lock is held.
    /// </summary>
    /// <param name="lane">The caller's lane.</param>
    /// <param name="slot">The word.</param>
    /// <param name="value">What the block is filled with.</param>
    /// <param name="block">A block that was taken for it, or 0.</param>
    /// <param name="keepsOld">True where the new object takes over what the word led to.</param>
    public void Replace(Lane lane, long slot, ReadOnlySpan<byte> value, long block, bool keepsOld = false)
    {
        long size = HeapObjects.HeaderLength + value.Length;
        long old = objects.Follow(slot);
        long oldSize = old == 0 ? 0 : objects.SizeOf(old, slot);
        if (block != 0)
        {
            Fill(lane, block, value);
        }

        if (lane.InGroup && (old | block) != 0)
        {
            long owner = slot | GroupEntry.OfWord | (keepsOld ? GroupEntry.KeepsOld : 0);
            AppendToGroup(lane, new GroupEntry(old, block, owner), size);
        }

        Intent intent = new() { Slot = slot, Value = WordFor(slot, block), New = block,
            Old = lane.InGroup || keepsOld ? 0 : old };
        lane.Begin(intent);
        if (block != 0)
        {
            Persist.Publish((ulong*)(_base + block), BlockHeader.Sized(BlockHeader.TypeBlob, size));
        }

        Persist.Publish((ulong*)(_base + slot), intent.Value); // COMMIT POINT: object
        Finish(lane, intent, oldSize);
    }

    /// <summary>
    /// Makes a word lead to an object that is there, or to nothing; what it led to stays, or is freed. The words' lock
    /// is held.
    /// </summary>
    public void Redirect(Lane lane, long slot, long target, bool keepsOld)
    {
        long old = objects.Follow(slot);
        if (!keepsOld && (old == 0 || old == target))
        {
            throw new ArgumentException(old == 0 ? "The field points to nothing that could be removed."
                : "The object would be freed, and the field would still point to it.", nameof(target));
        }

        if (old == target)
        {
            return;
        }

        long oldSize = keepsOld || old == 0 ? 0 : objects.SizeOf(old, slot);
        if (lane.InGroup)
        {
            long owner = slot | GroupEntry.OfWord | GroupEntry.KeepsNew | (keepsOld ? GroupEntry.KeepsOld : 0);
            groupLogs.Append(lane, new GroupEntry(old, target, owner));
        }

        Intent intent = new() { Slot = slot, Value = WordFor(slot, target),
            Old = lane.InGroup || keepsOld ? 0 : old };
        lane.Begin(intent);
        Persist.Publish((ulong*)(_base + slot), intent.Value); // COMMIT POINT: link
        Finish(lane, intent, oldSize);
    }

    /// <summary>Makes an object of a block that was taken; nothing leads to it yet. Within a group.</summary>
    public void Allocate(Lane lane, ReadOnlySpan<byte> value, long block)
    {
        long size = HeapObjects.HeaderLength + value.Length;
        Fill(lane, block, value);
        AppendToGroup(lane, new GroupEntry(0, block, block | GroupEntry.OfWord), size);
        Intent intent = new() { Slot = block, Value = BlockHeader.Sized(BlockHeader.TypeBlob, size), New = block };
        lane.Begin(intent);
        Persist.Publish((ulong*)(_base + block), intent.Value); // COMMIT POINT: object of a group
        lane.Finish(intent);
    }

    /// <summary>Notes that a group's commit frees an object.</summary>
    public void Release(Lane lane, long block) =>
        groupLogs.Append(lane, new GroupEntry(block, 0, block | GroupEntry.OfWord));

    /// <summary>Undoes a change of a group, where it happened and was not undone before.</summary>
    public void Revert(Lane lane, in GroupEntry entry)
    {
        long slot = entry.Word;
        if (!Guard.Holds((slot & 7) == 0 && slot >= HeapFormat.RootsOffset
            && slot <= state.Space.Length - sizeof(ulong)))
        {
            throw new HeapDamagedException(state.Space.Name, slot, "a group's log names a word outside the heap");
        }

        if (entry.IsOfBlock)
        {
            FreeAllocated(lane, entry.New);
            return;
        }

        if (*(ulong*)(_base + slot) != WordFor(slot, entry.New) || entry.Old == entry.New)
        {
            return;
        }

        long freed = entry.FreedByRollback;
        long size = freed == 0 ? 0 : objects.SizeOf(freed, slot);
        Intent intent = new() { Slot = slot, Value = WordFor(slot, entry.Old), Old = freed };
        lane.Begin(intent);
        Persist.Publish((ulong*)(_base + slot), intent.Value); // COMMIT POINT: object back
        Finish(lane, intent, size);
    }

    // Its header is the word that says that it is in use.
    private void FreeAllocated(Lane lane, long block)
    {
        if (block == 0 || !BlockHeader.IsAllocated(*(ulong*)(_base + block)))
        {
            return;
        }

        long size = objects.SizeOf(block, block);
        lane.Erase(block);
        Persist.Publish((ulong*)(_base + block), BlockHeader.Reserved(state.Space.Epoch));
        state.KeptObjects.Give(state.Blocks, lane, block, size);
    }

    private void Fill(Lane lane, long block, ReadOnlySpan<byte> value)
    {
        lane.BeginFill(block);
        Persist.Copy(_base + block + HeapObjects.HeaderLength, value);
    }

    private void Finish(Lane lane, in Intent intent, long oldSize)
    {
        lane.Finish(intent);
        if (intent.Old != 0)
        {
            state.KeptObjects.Give(state.Blocks, lane, intent.Old, oldSize);
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

    private ulong WordFor(long slot, long block) =>
        new HeapRoots(state.Space).IsRoot(slot) ? SealedOffset.Seal(block, slot) : (ulong)block;
}
