using System.Runtime.CompilerServices;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>The lock of a collection that one thread changes at a time.</summary>
internal sealed class WriterGate(PersistentHeap heap, string name)
{
    private int _gate;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Enter()
    {
        int me = ThreadNumber.Current;
        if (Interlocked.CompareExchange(ref _gate, me, 0) != 0)
        {
            Gate.Wait(ref _gate, me, heap, name);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Leave() => Volatile.Write(ref _gate, 0);

    /// <summary>The collection was deleted: no thread holds the lock, and none gets it.</summary>
    public void Close() => Volatile.Write(ref _gate, Gate.Closed);

    /// <summary>True while the thread is in a change, or in a callback of one.</summary>
    public bool IsHeldBy(int thread) => Volatile.Read(ref _gate) == thread;
}
