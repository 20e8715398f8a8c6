using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>
/// The first page that was never handed out: one sealed word. Were it too low, live pages would be handed out again;
/// too high, and pages without a descriptor counted.
/// </summary>
internal readonly unsafe struct HeapFrontier(IHeapSpace space)
{
    private const uint Seed = 0x4652_4F4E;

    private readonly ulong* _word = (ulong*)(space.Base + HeapFormat.FrontierOffset);
    private readonly IHeapSpace _space = space;

    /// <exception cref="HeapDamagedException">The word does not open, or names a page outside the region.</exception>
    public long Read() =>
        TryRead(out long page)
            ? page
            : throw new HeapDamagedException(_space.Name, HeapFormat.FrontierOffset,
                "the frontier does not check, or lies outside");

    public bool TryRead(out long page)
    {
        bool intact = SealedWord.TryOpen(Volatile.Read(ref *_word), Seed, out uint value);
        page = value;
        return Guard.Holds(intact) && page >= HeapFormat.FirstPage
            && (page <= _space.Length >> HeapFormat.PageShift || page <= _space.Follow() >> HeapFormat.PageShift);
    }

    /// <summary>Before the heap's header makes it count.</summary>
    public void Write(long page) => Persist.Store(_word, Seal(page));

    public void Publish(long page) => Persist.Publish(_word, Seal(page)); // COMMIT POINT: frontier

    private static ulong Seal(long page) => SealedWord.Seal(checked((uint)page), Seed);
}
