using System.Runtime.CompilerServices;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// The locks of a dictionary's buckets: one for all buckets that share their low ten bits, so that a bucket and the one
/// it is split into share theirs. A thread holds one, or takes all in rising order.
/// </summary>
internal sealed class BucketLocks(PersistentHeap heap, string name)
{
    private readonly int[] _locks = GC.AllocateArray<int>((int)Table.InitialBuckets, pinned: true);

    // The thread that waits for one bucket's lock while it holds others.
    private volatile int _clearing;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Enter(ulong hash)
    {
        ref int gate = ref _locks[hash & (Table.InitialBuckets - 1)];
        int me = ThreadNumber.Current;
        if (Interlocked.CompareExchange(ref gate, me, 0) != 0)
        {
            Gate.Wait(ref gate, me, heap, name, takesSeveral: _clearing == me);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Leave(ulong hash) => Volatile.Write(ref _locks[hash & (Table.InitialBuckets - 1)], 0);

    /// <summary>True where this thread has the lock.</summary>
    public bool IsEntered(ulong hash) => _locks[hash & (Table.InitialBuckets - 1)] == ThreadNumber.Current;

    /// <summary>True while the thread is in a callback with records locked, or clears.</summary>
    public bool IsHeldBy(int thread)
    {
        for (int i = 0; i < _locks.Length; i++)
        {
            if (Volatile.Read(ref _locks[i]) == thread)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The dictionary was deleted: no thread holds a lock of it, and none gets one.</summary>
    public void Close() => Array.Fill(_locks, Gate.Closed);

    public void EnterAll()
    {
        _clearing = Environment.CurrentManagedThreadId;
        ulong entered = 0;
        try
        {
            for (; entered < Table.InitialBuckets; entered++)
            {
                Enter(entered);
            }
        }
        catch
        {
            while (entered > 0)
            {
                Leave(--entered);
            }

            throw;
        }
        finally
        {
            _clearing = 0;
        }
    }

    public void LeaveAll()
    {
        for (ulong i = 0; i < Table.InitialBuckets; i++)
        {
            Leave(i);
        }
    }
}
