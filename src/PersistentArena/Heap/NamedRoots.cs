using System.Text;
using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>The roots of a heap by name: looked up, and made.</summary>
internal sealed unsafe class NamedRoots(HeapState state, HeapHeader header, HeapLanes lanes, Compactor compactor)
{
    private readonly Lock _lock = new();

    /// <summary>The offset of the word that publishes a root; 0 where there is none of that name.</summary>
    public long WordOf(string name) => new HeapRoots(state.Space).Find(NameBytes(name), out _);

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
    /// Allocates a root object, has it filled (all but its first 8 bytes), and publishes it; where another thread made
    /// one of that name meanwhile, it is that one.
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
                    // Taken back, it would leave whoever holds it with freed memory.
                    throw AtomicGroupException.Creates(state.Space.Name, name);
                }

                long block = compactor.TakeMakingRoom(lane, form.Size);
                lane.BeginFill(block);
                fill(block);
                long slot = new HeapRoots(state.Space).FindFree();
                if (slot == 0)
                {
                    lane.Discard(block);
                    state.Blocks.Give(lane, block, form.Size);
                    throw new HeapRootsFullException(state.Space.Name, name, HeapFormat.RootCount);
                }

                if (form.Feature != 0)
                {
                    // Before the root is: an older library would take it for another thing.
                    header.Require(form.Feature);
                }

                Publish(lane, new NewRoot(slot, block, bytes), form);
                return block;
            }
        }
        finally
        {
            HeapLanes.Give(lane);
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
        Intent intent = new() { Slot = root.Slot, Value = SealedOffset.Seal(root.Block, root.Slot), New = root.Block };
        lane.Begin(intent);
        new HeapRoots(state.Space).Write(root.Slot, root.Name, form.Layout);
        Persist.Publish((ulong*)state.At(root.Block), form.Header);
        Persist.Publish((ulong*)state.At(root.Slot), intent.Value); // COMMIT POINT: new root
        lane.Finish(intent);
    }

    private static byte[] NameBytes(string name)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        return bytes.Length is > 0 and <= HeapRoots.MaximumNameLength && !bytes.Contains((byte)0)
            ? bytes
            : throw new ArgumentException($"A root's name has 1 to {HeapRoots.MaximumNameLength} bytes of UTF-8 and " +
                $"no NUL; '{name}' has {bytes.Length}.", nameof(name));
    }

    private readonly record struct NewRoot(long Slot, long Block, byte[] Name);
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
