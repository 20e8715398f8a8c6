using System.Text;
using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>The roots of a heap by name: looked up, made, and deleted.</summary>
internal sealed unsafe class NamedRoots(HeapState state, HeapHeader header, HeapLanes lanes, Compactor compactor)
{
    private readonly Lock _lock = new();

    /// <summary>True where there is a root of that name.</summary>
    public bool Contains(string name) => WordOf(name) != 0;

    /// <summary>The offset of the word that publishes a root; 0 where there is none of that name.</summary>
    public long WordOf(string name) => new HeapRoots(state.Space).Find(NameBytes(name), out _);

    /// <exception cref="RootDeletedException">There is no root of that name any more.</exception>
    public RootEntry EntryOf(string name) => WordOf(name) is not 0 and var slot
        ? new RootEntry(slot, new HeapRoots(state.Space).MarkOf(slot), name)
        : throw new RootDeletedException(state.Space.Name, name);

    /// <summary>The offset of a root object; 0 where there is none of that name.</summary>
    /// <inheritdoc cref="HeapRoots.Follow" path="/param[@name='length']"/>
    public long Find(string name, ulong layoutHash, long length = HeapFormat.RootLength)
    {
        HeapRoots roots = new(state.Space);
        long slot = roots.Find(NameBytes(name), out ulong found);
        return slot == 0 ? 0
            : found == layoutHash ? roots.Follow(slot, length)
            : throw new HeapLayoutException(state.Space.Name, name, found, layoutHash);
    }

    /// <summary>
    /// Allocates a root object, or takes one that a deleted collection of the kind left, has it filled (all but its
    /// first 8 bytes), and publishes it; where another thread made one of that name meanwhile, it is that one.
    /// </summary>
    public long Create(string name, in RootForm form, Action<long> fill)
    {
        byte[] bytes = NameBytes(name);
        Lane lane = lanes.Take();
        try
        {
            lock (_lock)
            {
                if (Find(name, form.Layout, form.Size) is not 0 and var made)
                {
                    return made;
                }

                if (lane.InGroup)
                {
                    // Taken back, it would leave its holder with freed memory.
                    throw AtomicGroupException.Creates(state.Space.Name, name);
                }

                long slot = new HeapRoots(state.Space).FindSpare(form.Header, out long block);
                bool isSpare = slot != 0;
                if (!isSpare)
                {
                    slot = FreeSlot(lane);
                    block = compactor.TakeMakingRoom(lane, form.Size);
                    lane.BeginFill(block);
                }

                fill(block);
                if (form.Feature != 0)
                {
                    // Before the root is: an older library would take it for another thing.
                    header.Require(form.Feature);
                }

                Publish(lane, new NewRoot(slot, block, bytes, isSpare), form);
                return block;
            }
        }
        finally
        {
            HeapLanes.Give(lane);
        }
    }

    /// <summary>
    /// Deletes a root with one store; what it leads to is there until <see cref="GiveBack"/>. The caller has the heap
    /// for itself.
    /// </summary>
    public void Drop(long slot)
    {
        Lane lane = lanes.Take();
        try
        {
            HeapRoots roots = new(state.Space);
            header.Require(HeapFormat.ManyRoots);
            ulong* life = (ulong*)state.At(HeapRoots.LifeOf(slot));
            Intent intent = new()
            {
                Slot = slot,
                Value = roots.DroppedFor(slot),
                SecondSlot = IsCollection(roots.Follow(slot)) ? HeapRoots.LifeOf(slot) : 0,
                SecondValue = *life + 1,
            };
            lane.Begin(intent);
            Persist.Publish((ulong*)state.At(slot), intent.Value); // COMMIT POINT: root dropped
            lane.Finish(intent);
        }
        finally
        {
            HeapLanes.Give(lane);
        }
    }

    /// <summary>
    /// Gives the entry of a root back that was dropped and that nothing hangs on any more. A collection's root object
    /// stays with it.
    /// </summary>
    public void GiveBack(Lane lane, long slot)
    {
        HeapRoots roots = new(state.Space);
        long block = roots.Follow(slot);
        long size = BlockHeader.SizeOf(*(ulong*)state.At(block));
        bool stays = IsCollection(block);
        Intent intent = new() { Slot = slot, Value = stays ? roots.SpareFor(slot) : 0, Old = stays ? 0 : block };
        lane.Begin(intent);
        Persist.Publish((ulong*)state.At(slot), intent.Value); // COMMIT POINT: root given back
        roots.Forget(slot);
        lane.Finish(intent);
        if (!stays)
        {
            state.Blocks.Give(lane, block, size);
        }
    }

    /// <summary>
    /// Notes in the header that a feature is in use, where nothing that keeps others from it is held.
    /// </summary>
    public void RequireFeature(ulong feature)
    {
        Lane lane = lanes.Take();
        try
        {
            lock (_lock)
            {
                header.Require(feature);
            }
        }
        finally
        {
            HeapLanes.Give(lane);
        }
    }

    private void Publish(Lane lane, in NewRoot root, in RootForm form)
    {
        Intent intent = new()
        {
            Slot = root.Slot,
            Value = SealedOffset.Seal(root.Block, root.Slot),
            New = root.IsSpare ? 0 : root.Block,
        };
        lane.Begin(intent);
        new HeapRoots(state.Space).Write(root.Slot, root.Name, form.Layout);
        if (!root.IsSpare)
        {
            Persist.Publish((ulong*)state.At(root.Block), form.Header);
        }

        Persist.Publish((ulong*)state.At(root.Slot), intent.Value); // COMMIT POINT: new root
        lane.Finish(intent);
    }

    /// <summary>The word of a free entry: of a further block of entries, where all are taken.</summary>
    private long FreeSlot(Lane lane)
    {
        if (new HeapRoots(state.Space).FindFree(out long link) is not 0 and var slot)
        {
            return slot;
        }

        header.Require(HeapFormat.ManyRoots);
        long block = compactor.TakeMakingRoom(lane, RootEntries.BlockSize);
        Persist.Fill(state.At(block) + sizeof(ulong), RootEntries.BlockSize - sizeof(ulong), 0);
        Intent intent = new() { Slot = link, Value = SealedOffset.Seal(block, link), New = block };
        lane.Begin(intent);
        Persist.Publish((ulong*)state.At(block), RootEntries.Header);
        Persist.Publish((ulong*)state.At(link), intent.Value); // COMMIT POINT: more roots
        lane.Finish(intent);
        return new HeapRoots(state.Space).FindFree(out _);
    }

    private bool IsCollection(long root) =>
        BlockHeader.TypeOf(*(ulong*)state.At(root)) != BlockHeader.TypeBlob;

    /// <summary>A root's name as it lies in its entry.</summary>
    public static byte[] NameBytes(string name)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        return bytes.Length is > 0 and <= HeapRoots.MaximumNameLength && !bytes.Contains((byte)0)
            ? bytes
            : throw new ArgumentException($"A root's name has 1 to {HeapRoots.MaximumNameLength} bytes of UTF-8 and " +
                $"no NUL; '{name}' has {bytes.Length}.", nameof(name));
    }

    private readonly record struct NewRoot(long Slot, long Block, byte[] Name, bool IsSpare);
}

/// <summary>What a root object is.</summary>
/// <param name="Layout">Hash of its layout.</param>
/// <param name="Size">In bytes, its header included.</param>
/// <param name="Header">Its block's header.</param>
/// <param name="Feature">
/// What a library has to know that opens the heap; 0 for nothing new. Where there is one, the creator has the heap for
/// itself.
/// </param>
internal readonly record struct RootForm(ulong Layout, long Size, ulong Header, ulong Feature = 0);
