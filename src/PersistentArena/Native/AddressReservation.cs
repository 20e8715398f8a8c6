namespace GuestMemFs.Native;

/// <summary>
/// A range of address space that holds nothing: files are mapped into it at fixed addresses, so that memory can grow
/// without moving.
/// </summary>
/// <remarks>
/// <para>What was never disposed of or retired is not finalized, on purpose: a span into the range keeps nothing alive,
/// and unmapping under running code is a crash. Who forgets <see cref="Dispose"/> leaks address space until the process
/// ends, and nothing else.</para>
/// <para>Thread-safe as the kernel is: calls on different parts may run at once; <see cref="Dispose"/> must be the last
/// one.</para>
/// </remarks>
internal sealed class AddressReservation : IDisposable
{
    private const int Reserved = Libc.MAP_PRIVATE | Libc.MAP_ANONYMOUS | Libc.MAP_NORESERVE;
    /// <summary>
    /// Each takes two of the process's mappings, of which there may be 65,530: the collector, which sees small objects
    /// only, is called now and then.
    /// </summary>
    private const int RetiredPerCollection = 2048;

    private static int s_retired;

    private bool _disposed;
    private bool _retired;
    private long _held;

    /// <summary>Reserves address space.</summary>
    /// <param name="length">Bytes, a multiple of 4 KiB, above zero.</param>
    /// <param name="alignment">Of the address: a power of two, at least 4 KiB (2 MiB or 1 GiB for huge pages).</param>
    /// <exception cref="MediumException">There is no such range of address space left.</exception>
    public AddressReservation(long length, long alignment)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        ArgumentOutOfRangeException.ThrowIfLessThan(alignment, PageSizes.Small);
        if (length % PageSizes.Small != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(length), length,
                "A reservation is made of 4 KiB pages: round up.");
        }

        if (!System.Numerics.BitOperations.IsPow2(alignment))
        {
            throw new ArgumentOutOfRangeException(nameof(alignment), alignment, "An alignment is a power of two.");
        }

        GC.SuppressFinalize(this);

        // Over-reserve, then give back what is in front of the aligned address and behind the end.
        long all = checked(length + alignment - PageSizes.Small);
        nint start = Reserve(all);
        if (start == Libc.MAP_FAILED && Volatile.Read(ref s_retired) > 0)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            start = Reserve(all);
        }

        if (start == Libc.MAP_FAILED)
        {
            throw Errno.Exception(Errno.Last, "mmap", $"{length} bytes of address space",
                "Address space or the number of mappings is limited: see ulimit -v and vm.max_map_count.");
        }

        Address = (nint)(((long)start + alignment - 1) & -alignment);
        Length = length;
        _held = length;
        Unmap(start, Address - start);
        Unmap(Address + (nint)length, start + (nint)all - (Address + (nint)length));
    }

    /// <summary>The first byte, aligned as asked.</summary>
    public nint Address { get; }

    /// <summary>Bytes.</summary>
    public long Length { get; }

    /// <summary>Takes whatever is mapped in a part out again; the address space stays reserved.</summary>
    public void Clear(long offset, long length)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length - offset);
        if (Libc.MMap(Address + (nint)offset, (nuint)length, Libc.PROT_NONE, Reserved | Libc.MAP_FIXED, -1,
            0) == Libc.MAP_FAILED)
        {
            throw Errno.Exception(Errno.Last, "mmap", $"{length} bytes of address space at offset {offset}");
        }
    }

    /// <summary>
    /// Reserves a range again that a failed MAP_FIXED may have left open, before something else of this process is put
    /// there.
    /// </summary>
    public static void CloseHole(nint address, long length) =>
        // Fails where there is no hole, which is the good case.
        _ = Libc.MMap(address, (nuint)length, Libc.PROT_NONE, Reserved | Libc.MAP_FIXED_NOREPLACE, -1, 0);

    /// <summary>
    /// Puts zeros of this process in the place of what is mapped, so that a thread which still reads or writes there
    /// does not end the process. That address space is given back when no object refers to this any more, and what lies
    /// behind it at once.
    /// </summary>
    /// <param name="length">Bytes that somebody may be using, from the first on; a multiple of the page size of what is
    /// mapped.</param>
    public void Retire(long length)
    {
        if (_disposed || _retired)
        {
            return;
        }

        _retired = true;
        length = Math.Min(length, Length);
        if (length > 0 && !Replace(0, length, Libc.PROT_READ | Libc.PROT_WRITE))
        {
            Replace(0, length, Libc.PROT_READ); // Without overcommit, memory that can be written counts.
        }

        _held = length;
        Unmap(Address + (nint)length, (nint)(Length - length));
        GC.ReRegisterForFinalize(this);
        if (Interlocked.Increment(ref s_retired) % RetiredPerCollection == 0)
        {
            GC.Collect();
        }
    }

    /// <summary>Gives the address space of what was retired back.</summary>
    ~AddressReservation()
    {
        if (_retired && !_disposed)
        {
            Unmap(Address, (nint)_held);
        }
    }

    /// <summary>Unmaps everything in the range. No span into it may be in use.</summary>
    public void Dispose()
    {
        GC.SuppressFinalize(this);
        if (!_disposed)
        {
            _disposed = true;
            Unmap(Address, (nint)_held);
        }
    }

    private static nint Reserve(long length) => Libc.MMap(0, (nuint)length, Libc.PROT_NONE, Reserved, -1, 0);

    /// <summary>False where the kernel has no room for it: then what was there stays.</summary>
    private bool Replace(long offset, long length, int protection) =>
        Libc.MMap(Address + (nint)offset, (nuint)length, protection, Reserved | Libc.MAP_FIXED, -1,
            0) != Libc.MAP_FAILED;

    private static void Unmap(nint address, nint length)
    {
        if (length > 0)
        {
            int result = Libc.MUnmap(address, (nuint)length);
            System.Diagnostics.Debug.Assert(result == 0,
                "munmap of an own, page-aligned range fails only out of mappings");
        }
    }
}
