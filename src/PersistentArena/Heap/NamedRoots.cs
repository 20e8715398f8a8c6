using System.Text;
using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>The roots of a heap by name: looked up, made, and deleted.</summary>
internal sealed unsafe class NamedRoots(
    HeapState state, HeapHeader header, HeapLanes lanes, Compactor compactor, HeapObjects objects)
{
    private readonly Lock _lock = new();

    /// <summary>True where there is a root of that name.</summary>
    public bool Contains(string name) => WordOf(name) != 0;

    /// <summary>The offset of the word that publishes a root; 0 where there is none of that name.</summary>
    public long WordOf(string name) => new HeapRoots(state.Space).Find(NameBytes(name), out _);

    /// <inheritdoc cref="WordOf(string)"/>
    public long WordOf(string name, out ulong layout) =>
        new HeapRoots(state.Space).Find(NameBytes(name), out layout);

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
        using LaneScope held = lanes.Hold(out Lane lane);
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
            long shape = 0;
            if (!isSpare)
            {
                slot = FreeSlot(lane);
                (block, shape) = TakeFor(lane, form);
                lane.BeginFill(block);
            }

            fill(block);
            if (form.Feature != 0)
            {
                // Before the root is: an older library would take it for another thing.
                header.Require(form.Feature);
            }

            Publish(lane, new NewRoot(slot, block, shape, bytes, isSpare), form);
            return block;
        }
    }

    /// <summary>
    /// Deletes a root with one store; what it leads to is there until <see cref="GiveBack"/>. The caller has the heap
    /// for itself.
    /// </summary>
    public void Drop(long slot)
    {
        using LaneScope held = lanes.Hold(out Lane lane);
        HeapRoots roots = new(state.Space);
        header.Require(HeapFormat.ManyRoots);
        ulong* life = (ulong*)state.At(HeapRoots.LifeOf(slot));
        Intent intent = new()
        {
            Slot = slot,
            Value = roots.DroppedFor(slot),
            SecondSlot = IsCollection(roots.Follow(slot, SizeClasses.Granule)) ? HeapRoots.LifeOf(slot) : 0,
            SecondValue = *life + 1,
        };
        lane.Begin(intent);
        Persist.Publish((ulong*)state.At(slot), intent.Value); // COMMIT POINT: root dropped
        lane.Finish(intent);
    }

    /// <summary>
    /// Makes the first name lead to what the second one leads to, a collection of the same kind, with one store; there
    /// is no second one then, and its entry has what the first one led to, dropped. The caller has the heap for itself.
    /// </summary>
    public void Swap(string name, string replacement)
    {
        using LaneScope held = lanes.Hold(out Lane lane);
        HeapRoots roots = new(state.Space);
        long slot = WordOf(name);
        long other = WordOf(replacement);
        header.Require(HeapFormat.ManyRoots);
        ulong* life = (ulong*)state.At(HeapRoots.LifeOf(slot));
        Persist.Publish(life, *life + 1); // Readers of the old one open it again, too early where this is killed.
        Intent intent = new()
        {
            Slot = slot,
            Value = SealedOffset.Seal(roots.Follow(other), slot),
            SecondSlot = other,
            SecondValue = HeapRoots.DroppedFor(roots.Follow(slot), other),
        };
        lane.Begin(intent);
        Persist.Publish((ulong*)state.At(slot), intent.Value); // COMMIT POINT: roots swapped
        lane.Finish(intent);
    }

    /// <summary>
    /// Gives the entry of a root back that was dropped and that nothing hangs on any more. A collection's root object
    /// stays with it.
    /// </summary>
    public void GiveBack(Lane lane, long slot)
    {
        HeapRoots roots = new(state.Space);
        long block = roots.Follow(slot, SizeClasses.Granule);
        long size = BlockHeader.SizeOf(*(ulong*)state.At(block));
        bool stays = IsCollection(block);
        long shape = stays ? 0 : ShapeBlock(slot);
        long shapeSize = shape == 0 ? 0 : BlockHeader.SizeOf(*(ulong*)state.At(shape));
        Intent intent = new()
        {
            Slot = slot,
            Value = stays ? roots.SpareFor(slot) : 0,
            Old = stays ? 0 : block,
            MoreOld = shape == 0 ? [] : new ReadOnlySpan<long>(ref shape),
        };
        lane.Begin(intent);
        Persist.Publish((ulong*)state.At(slot), intent.Value); // COMMIT POINT: root given back
        roots.Forget(slot);
        lane.Finish(intent);
        if (!stays)
        {
            state.KeptObjects.Give(state.Blocks, lane, block, size);
        }

        if (shape != 0)
        {
            state.Blocks.Give(lane, shape, shapeSize);
        }
    }

    /// <summary>The shape that is kept with an application's root; null for none.</summary>
    public StructShape? ShapeOf(string name) => WordOf(name) is not 0 and var slot
        && !IsCollection(new HeapRoots(state.Space).Follow(slot, SizeClasses.Granule))
        && ShapeBlock(slot) is not 0 and var block
        ? StructShape.Parse(Encoding.UTF8.GetString(TextAt(block))) : null;

    /// <summary>Keeps the shape of a root that an older library made, where there is room.</summary>
    public void KeepShape(string name, in RootForm form)
    {
        using LaneScope held = lanes.Hold(out Lane lane);
        lock (_lock)
        {
            if (!lane.InGroup && WordOf(name) is not 0 and var slot && ShapeBlock(slot) == 0)
            {
                TryKeepShape(lane, HeapRoots.LifeOf(slot), form.Shape!);
            }
        }
    }

    /// <summary>
    /// Puts a root with another object and another shape in the place of one of the same name, with one store. The
    /// caller has the heap for itself; what the old object leads to is the new one's.
    /// </summary>
    public void Replace(string name, in RootForm form, Action<long, long> fill)
    {
        byte[] bytes = NameBytes(name);
        using LaneScope held = lanes.Hold(out Lane lane);
        HeapRoots roots = new(state.Space);
        long old = roots.Find(bytes, out _);
        header.Require(HeapFormat.ManyRoots);
        long slot = FreeSlot(lane);
        (long block, long shape) = TakeFor(lane, form);
        try
        {
            lane.BeginFill(block);
            fill(roots.Follow(old, SizeClasses.Granule), block);
        }
        catch
        {
            lane.DiscardFilling();
            state.Blocks.Give(lane, block, form.Size);
            state.Blocks.Give(lane, shape, ShapeSize(form));
            throw;
        }

        Publish(lane, new NewRoot(slot, block, shape, bytes, isSpare: false, old), form);
    }

    /// <summary>
    /// Notes in the header that a feature is in use, where nothing that keeps others from it is held.
    /// </summary>
    public void RequireFeature(ulong feature)
    {
        using LaneScope held = lanes.Hold(out Lane lane);
        lock (_lock)
        {
            header.Require(feature);
        }
    }

    private void Publish(Lane lane, in NewRoot root, in RootForm form)
    {
        Intent intent = new()
        {
            Slot = root.Slot,
            Value = SealedOffset.Seal(root.Block, root.Slot),
            New = root.IsSpare ? 0 : root.Block,
            MoreNew = root.Shape == 0 ? [] : new ReadOnlySpan<long>(in root.Shape),
            SecondSlot = root.Replaces,
            SecondValue = root.Replaces == 0 ? 0 : new HeapRoots(state.Space).DroppedFor(root.Replaces),
        };
        lane.Begin(intent);
        new HeapRoots(state.Space).Write(root.Slot, root.Name, form.Layout, root.Shape);
        if (root.Shape != 0)
        {
            Persist.Publish((ulong*)state.At(root.Shape), BlockHeader.Sized(BlockHeader.TypeBlob, ShapeSize(form)));
        }

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

    // A root's object, and a block with its shape where it has one.
    private (long Block, long Shape) TakeFor(Lane lane, in RootForm form)
    {
        long block = compactor.TakeMakingRoom(lane, form.Size);
        if (form.Shape is null)
        {
            return (block, 0);
        }

        try
        {
            return (block, FilledShape(lane, form.Shape));
        }
        catch (ArenaOutOfSpaceException)
        {
            state.Blocks.Give(lane, block, form.Size);
            throw;
        }
    }

    private void TryKeepShape(Lane lane, long word, string text)
    {
        long block;
        try
        {
            block = FilledShape(lane, text);
        }
        catch (ArenaOutOfSpaceException)
        {
            return; // It is a description: the root is of use without it.
        }

        Intent intent = new() { Slot = word, Value = SealedOffset.Seal(block, word), New = block };
        lane.Begin(intent);
        Persist.Publish((ulong*)state.At(block), BlockHeader.Sized(BlockHeader.TypeBlob, ShapeSize(text)));
        Persist.Publish((ulong*)state.At(word), intent.Value); // COMMIT POINT: root's shape
        lane.Finish(intent);
    }

    private long FilledShape(Lane lane, string text)
    {
        long block = compactor.TakeMakingRoom(lane, ShapeSize(text));
        lane.BeginFill(block);
        Persist.Copy(state.At(block) + HeapObjects.HeaderLength, Encoding.UTF8.GetBytes(text));
        return block;
    }

    // Where it is there: an object like others. What is damaged is not followed.
    private long ShapeBlock(long slot)
    {
        long block = new HeapRoots(state.Space).ShapeOf(slot);
        return objects.IsObject(block) ? block : 0;
    }

    private ReadOnlySpan<byte> TextAt(long block) => new(state.At(block) + HeapObjects.HeaderLength,
        (int)(BlockHeader.SizeOf(*(ulong*)state.At(block)) - HeapObjects.HeaderLength));

    private static long ShapeSize(in RootForm form) => ShapeSize(form.Shape!);

    private static long ShapeSize(string text) => HeapObjects.HeaderLength + Encoding.UTF8.GetByteCount(text);

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

    private readonly struct NewRoot(long slot, long block, long shape, byte[] name, bool isSpare, long replaces = 0)
    {
        public readonly long Slot = slot;
        public readonly long Block = block;
        public readonly long Shape = shape;
        public readonly byte[] Name = name;
        public readonly bool IsSpare = isSpare;

        /// <summary>The word of the root in whose place it comes; 0 for none.</summary>
        public readonly long Replaces = replaces;
    }
}

/// <summary>What a root object is.</summary>
/// <param name="Layout">Hash of its layout.</param>
/// <param name="Size">In bytes, its header included.</param>
/// <param name="Header">Its block's header.</param>
/// <param name="Feature">
/// What a library has to know that opens the heap; 0 for nothing new. Where there is one, the creator has the heap for
/// itself.
/// </param>
/// <param name="Shape">Its shape in words, where it is an application's; null for a collection.</param>
internal readonly record struct RootForm(
    ulong Layout, long Size, ulong Header, ulong Feature = 0, string? Shape = null);
