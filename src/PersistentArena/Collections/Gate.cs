namespace GuestMemFs.Collections;

/// <summary>
/// A lock of a collection: the number of the thread that has it, or 0. Taken without a call where it is free; this is
/// the wait for one that is not.
/// </summary>
internal static class Gate
{
    /// <summary>In a lock of a collection that was deleted.</summary>
    public const int Closed = -1;

    /// <summary>Waits for a lock and takes it.</summary>
    /// <param name="gate">The lock.</param>
    /// <param name="me">This thread's number.</param>
    /// <param name="heap">The collection's heap.</param>
    /// <param name="name">The collection's name.</param>
    /// <param name="takesSeveral">True for a thread that takes all of them, and is in no callback.</param>
    /// <exception cref="ReentrantCallException">
    /// This thread has it; or it has another one and waits, so that it does so out of a callback: that other one may be
    /// waited for by the one that has this.
    /// </exception>
    /// <exception cref="RootDeletedException">The collection was deleted.</exception>
    public static void Wait(ref int gate, int me, PersistentHeap heap, string name, bool takesSeveral = false)
    {
        const int TurnsBeforeAsking = 16;
        SpinWait spin = default;
        for (int turns = 0; Volatile.Read(ref gate) != 0 || Interlocked.CompareExchange(ref gate, me, 0) != 0; turns++)
        {
            if (Volatile.Read(ref gate) == Closed)
            {
                throw new RootDeletedException(heap.Space.Name, name);
            }

            bool asks = turns == TurnsBeforeAsking && !takesSeveral;
            if (Volatile.Read(ref gate) == me || (asks && heap.Members.IsAnyHeldBy(me)))
            {
                throw new ReentrantCallException(heap.Space.Name);
            }

            spin.SpinOnce();
        }
    }
}
