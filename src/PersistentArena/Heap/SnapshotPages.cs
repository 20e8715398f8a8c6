using System.Numerics;
using System.Runtime.InteropServices;
using GuestMemFs.Arena;
using GuestMemFs.Format;
using GuestMemFs.Native;

namespace GuestMemFs.Heap;

/// <summary>
/// The pages of a snapshot: the heap's memory mapped a second time, in which a page becomes this process's own before
/// the heap's page changes.
/// </summary>
/// <remarks>
/// <para>Invariants:</para>
/// <list type="number">
/// <item>While it is registered, a page whose bit is set is its own, with the bytes of the instant.</item>
/// <item>A page whose bit is not set has not changed in the heap since the instant: who stores to it first keeps it
/// here, then sets the bit, then stores. Of two that come at once one waits for the other.</item>
/// <item>It begins while nothing changes the heap, so that no store is half-way.</item>
/// </list>
/// <para>Where files can be mapped privately (tmpfs, memfds, DAX) the kernel copies the page, 4 KiB of it. Elsewhere
/// (hugetlbfs, guestmemfs) this copies a page of the medium aside and moves it into its place.</para>
/// </remarks>
internal sealed unsafe class SnapshotPages : StoreWatcher
{
    private readonly Lock _gate = new();
    private readonly AddressReservation _range;
    private readonly bool _isPrivate;
    private readonly int _shift;
    private readonly long _maximum;
    private readonly ulong* _kept; // a bit a page; given back by the finalizer, for a store may still look
    private long _copied;
    private volatile bool _isLost;
    private bool _ended;
    private WeakReference<HeapState>? _reader; // weakly, so that a snapshot which is forgotten ends

    /// <param name="heap">The heap's first byte.</param>
    /// <param name="view">Its memory, mapped again; this object's from now on.</param>
    /// <param name="page">Bytes of the medium's page.</param>
    /// <param name="maximum">Bytes that it may keep.</param>
    public SnapshotPages(byte* heap, RegionView view, long page, long maximum)
        : base((nint)heap, view.Length)
    {
        _range = view.Range;
        _isPrivate = view.IsPrivate;
        _shift = BitOperations.Log2((ulong)(_isPrivate ? PageSizes.Small : Math.Max(page, PageSizes.Huge2M)));
        _maximum = maximum;
        long units = (Length >> _shift) + 1;
        _kept = (ulong*)NativeMemory.AllocZeroed((nuint)((units + 63) / 64), sizeof(ulong));
    }

    /// <summary>The first byte of the snapshot's memory.</summary>
    public byte* Base => (byte*)_range.Address;

    /// <summary>Bytes that it has kept: memory of this process.</summary>
    public long CopiedBytes => Volatile.Read(ref _copied);

    /// <summary>True where it was given up: it would have kept more than it may, or there was no memory.</summary>
    public bool IsLost => _isLost;

    private long Unit => 1L << _shift;

    public override void Before(long from, long end)
    {
        for (long unit = from >> _shift; unit <= (end - 1) >> _shift; unit++)
        {
            ulong bit = 1UL << (int)(unit & 63);
            if ((Volatile.Read(ref _kept[unit >> 6]) & bit) == 0)
            {
                Keep(unit, bit);
            }
        }

        GC.KeepAlive(this);
    }

    /// <summary>True where its memory is gone.</summary>
    public bool HasEnded
    {
        get
        {
            lock (_gate)
            {
                return _ended;
            }
        }
    }

    /// <summary>Has the heap that reads it told before the memory goes; at once where it is gone already.</summary>
    public void TellWhenGone(HeapState reader)
    {
        lock (_gate)
        {
            _reader = new WeakReference<HeapState>(reader);
            if (_ended)
            {
                reader.MarkGone();
            }
        }
    }

    /// <summary>Takes the memory out; a reader that is still there finds zeros. Once.</summary>
    public void End()
    {
        lock (_gate)
        {
            if (!_ended)
            {
                EndHere();
            }
        }
    }

    ~SnapshotPages() => NativeMemory.Free(_kept);

    private void Keep(long unit, ulong bit)
    {
        lock (_gate)
        {
            ref ulong word = ref _kept[unit >> 6];
            if (_ended || (word & bit) != 0)
            {
                return;
            }

            if (_copied + Unit > _maximum || !TryKeep(unit << _shift))
            {
                _isLost = true;
                EndHere(); // before the store: nobody may read that here
                return;
            }

            _copied += Unit;
            Volatile.Write(ref word, word | bit);
        }
    }

    private void EndHere()
    {
        _ended = true;
        StoreWatch.Remove(this);
        if (_reader is { } reader && reader.TryGetTarget(out HeapState? state))
        {
            state.MarkGone();
        }

        _range.Retire(_range.Length);
    }

    private bool TryKeep(long at)
    {
        if (_isPrivate && Libc.MAdvise(_range.Address + (nint)at, (nuint)Unit, Libc.MADV_POPULATE_WRITE) == 0)
        {
            return true;
        }

        return (!_isPrivate || Errno.Last == Errno.EINVAL) && TryMoveIn(at); // a kernel before 5.14 says EINVAL
    }

    private bool TryMoveIn(long at)
    {
        nint copy = Libc.MMap(0, (nuint)Unit, Libc.PROT_READ | Libc.PROT_WRITE,
            Libc.MAP_PRIVATE | Libc.MAP_ANONYMOUS | Libc.MAP_NORESERVE, -1, 0);
        if (copy == Libc.MAP_FAILED)
        {
            return false;
        }

        _ = Libc.MAdvise(copy, (nuint)Unit, Libc.MADV_DONTDUMP);
        _ = Libc.MAdvise(copy, (nuint)Unit, Libc.MADV_DONTFORK);
        long length = Math.Min(Unit, _range.Length - at);
        Buffer.MemoryCopy((byte*)Start + at, (void*)copy, Unit, Math.Min(length, Length - at));
        if (Libc.MRemap(copy, (nuint)length, (nuint)length, Libc.MREMAP_MAYMOVE | Libc.MREMAP_FIXED,
            _range.Address + (nint)at) == Libc.MAP_FAILED)
        {
            _ = Libc.MUnmap(copy, (nuint)Unit);
            return false;
        }

        return true;
    }
}
