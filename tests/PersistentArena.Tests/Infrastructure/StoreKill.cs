using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Tests.Infrastructure;

/// <summary>
/// Ends this process with SIGKILL in front of one store to a heap, whichever thread makes it: that store is not made,
/// and the other threads are where they are. It stands where snapshots stand, behind the library's persist seam. It
/// counts the stores that are made while some lane has a change in flight.
/// </summary>
/// <param name="heap">The heap.</param>
/// <param name="stores">The number of that store, from 1 on.</param>
internal sealed unsafe class StoreKill(PersistentHeap heap, int stores)
    : StoreWatcher((nint)heap.Space.Base, heap.Space.Length)
{
    private int _left = stores;

    // The first word of a lane says what it is about to change.
    private bool IsAnyInFlight
    {
        get
        {
            for (int lane = 0; lane < HeapFormat.LaneCount; lane++)
            {
                byte* words = (byte*)Start + HeapFormat.LanesOffset + (lane * HeapFormat.LaneLength);
                if (Volatile.Read(ref *(ulong*)words) != 0)
                {
                    return true;
                }
            }

            return false;
        }
    }

    public override void Before(long from, long end)
    {
        if (IsAnyInFlight && Interlocked.Decrement(ref _left) == 0)
        {
            AimedKill.Now();
        }
    }
}
