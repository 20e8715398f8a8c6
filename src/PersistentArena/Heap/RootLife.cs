using System.Runtime.CompilerServices;

namespace GuestMemFs.Heap;

/// <summary>
/// What readers of a collection take part of in each look without a lock: whether another writer's recovery freed
/// something meanwhile, and whether the collection was deleted.
/// </summary>
/// <remarks>
/// Where this process writes, both can only be its own doing, and a look costs a comparison: <see cref="End"/> has
/// them look further. A writer of another process says by the entry's life that it deleted the root, before anything
/// of it is free.
/// </remarks>
internal unsafe struct RootLife
{
    private readonly IHeapSpace _space;
    private readonly string _name;
    private readonly ulong* _life;
    private readonly ulong _seen;
    private readonly ulong* _word;
    private bool _ended;

    // Where a look is made; null where none is needed.
    private ulong* _recovered;

    /// <summary>The life of the root of that name, whose object lies there.</summary>
    /// <exception cref="RootDeletedException">It was deleted meanwhile.</exception>
    public RootLife(HeapState heap, string name, long root)
    {
        _space = heap.Space;
        _name = name;
        _word = heap.RecoveredWord;
        if (_space.IsWritable)
        {
            return;
        }

        HeapRoots roots = new(_space);
        long slot = roots.Find(NamedRoots.NameBytes(name), out _);
        _life = slot == 0 ? null : (ulong*)heap.At(HeapRoots.LifeOf(slot));
        _seen = slot == 0 ? 0 : Volatile.Read(ref *_life);
        if (slot == 0 || !roots.IsLive(slot) || roots.Follow(slot) != root)
        {
            throw new RootDeletedException(_space.Name, name);
        }

        _recovered = _word;
    }

    /// <summary>True where this process has deleted the collection.</summary>
    public readonly bool IsEnded => _ended;

    /// <summary>
    /// What a look adds to a version: it rises with each recovery that readers lived through. Both only rise, so their
    /// sum is the same where both are.
    /// </summary>
    /// <exception cref="RootDeletedException">The collection was deleted.</exception>
    public readonly ulong Recovered
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _recovered == null ? 0 : Look();
    }

    /// <summary>The collection was deleted: each look is told so from now on.</summary>
    public void End()
    {
        Volatile.Write(ref _ended, true);
        _recovered = _word;
        Interlocked.MemoryBarrier(); // before anything of it is free
    }

    /// <exception cref="RootDeletedException">The collection was deleted.</exception>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private readonly ulong Look()
    {
        ulong recovered = Volatile.Read(ref *_word);
        return !_ended && (_life == null || Volatile.Read(ref *_life) == _seen) ? recovered
            : throw new RootDeletedException(_space.Name, _name);
    }
}
