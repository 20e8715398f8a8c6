using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>
/// Zeroes what blocks held, where a heap erases: before the block's header says that it is free, so before the change
/// is acknowledged.
/// </summary>
/// <remarks>
/// The header stays as it is meanwhile. So a crash leaves the block named by its intent or its group's log, and the
/// attach zeroes it again. All of the block's room is zeroed: nothing is behind the end of what comes next. Segments of
/// a table are left: they lead to records by number, may have holes, and are empty when they are freed.
/// </remarks>
internal sealed unsafe class BlockEraser(IHeapSpace space)
{
    private readonly PageTable _table = new(space);

    /// <summary>True once what was free when the heap began to erase is zeroed too.</summary>
    public bool IsSwept => *SweptWord != 0;

    private ulong* SweptWord => (ulong*)(space.Base + HeapFormat.SweptOffset);

    /// <summary>Zeroes a block that holds something, behind its header; a free one is zeroed already.</summary>
    public void EraseHeld(long block)
    {
        ulong header = *(ulong*)(space.Base + block);
        if (BlockHeader.IsAllocated(header) && BlockHeader.TypeOf(header) != BlockHeader.TypeSegment)
        {
            Erase(block);
        }
    }

    /// <summary>Zeroes a block behind its header, whatever that says.</summary>
    public void Erase(long block) => Persist.Fill(space.Base + block + sizeof(ulong), RoomOf(block) - sizeof(ulong), 0);

    /// <summary>
    /// Zeroes the blocks that a lane had begun to fill when its writer ended. After its intent was resolved.
    /// </summary>
    public void EraseFilling(ulong* words)
    {
        for (int i = 0; i < IntentWord.FillingCount; i++)
        {
            ulong* word = words + IntentWord.Filling + i;
            long place = (byte*)word - space.Base;
            if (*word == 0)
            {
                continue;
            }

            bool intact = SealedOffset.TryOpen(*word, place, out long block);
            if (!Guard.Holds(intact && block <= space.Length - SizeClasses.Granule))
            {
                throw new HeapDamagedException(
                    space.Name, place, "a lane's note of a block that it fills does not check");
            }

            if (!BlockHeader.IsAllocated(*(ulong*)(space.Base + block)))
            {
                Erase(block);
            }

            Persist.Publish(word, 0);
        }
    }

    /// <summary>
    /// Zeroes all that is free, once, in a heap that did not erase before. Walks the heap. Nobody changes it meanwhile.
    /// </summary>
    /// <exception cref="ArenaOutOfSpaceException">
    /// Free memory has holes, and the medium has no room for them.
    /// </exception>
    public void Sweep()
    {
        foreach ((long page, PageDescriptor unit) in _table.Units(new HeapFrontier(space).Read()))
        {
            Sweep(page << HeapFormat.PageShift, unit);
        }

        Persist.Publish(SweptWord, 1); // COMMIT POINT: swept
    }

    private void Sweep(long start, PageDescriptor unit)
    {
        long length = unit.Count << HeapFormat.PageShift;
        if (unit.Kind != PageKind.Slab && !BlockHeader.IsAllocated(*(ulong*)(space.Base + start)))
        {
            space.EnsureBacked(start, length);
        }

        long block = start;
        for (int left = unit.Blocks; left > 0; left--, block += unit.BlockSize)
        {
            SweepBlock(block, unit.BlockSize);
        }

        Persist.Fill(space.Base + block, start + length - block, 0);
    }

    // A record's length is its dictionary's to know: what is behind its end is zeroed when it is freed.
    private void SweepBlock(long block, long room)
    {
        ulong header = *(ulong*)(space.Base + block);
        long from = !BlockHeader.IsAllocated(header) ? sizeof(ulong)
            : BlockHeader.TypeOf(header) is BlockHeader.TypeBlob ? BlockHeader.SizeOf(header)
            : room;
        if (from < room)
        {
            Persist.Fill(space.Base + block + from, room - from, 0);
        }
    }

    private long RoomOf(long block)
    {
        long start = _table.StartOf(block >> HeapFormat.PageShift, out PageDescriptor unit) << HeapFormat.PageShift;
        long within = block - start;
        bool begins = unit.Kind is PageKind.Slab or PageKind.Run
            && within % unit.BlockSize == 0 && within < unit.Count << HeapFormat.PageShift;
        return Guard.Holds(begins)
            ? unit.BlockSize
            : throw new HeapDamagedException(space.Name, block, "what is to be zeroed is no block");
    }
}
