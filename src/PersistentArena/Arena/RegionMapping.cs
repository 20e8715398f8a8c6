using GuestMemFs.Journal;
using GuestMemFs.Native;

namespace GuestMemFs.Arena;

/// <summary>
/// A region in the address space: one reservation, the extents mapped into it one behind the other. All openings of a
/// region in an arena object share it. When the last of them is gone, zeros take its place; the address space is given
/// back when no object refers to this any more.
/// </summary>
/// <remarks>
/// Changed under the arena's lock; <see cref="Length"/> may be read, and <see cref="EnsureBacked"/> called, by any
/// thread.
/// </remarks>
internal sealed class RegionMapping
{
    private readonly AddressReservation _view;
    private readonly BackedPages _backed = new();
    private Part[] _parts = []; // Replaced, never changed.
    private long _length;

    /// <summary>An empty mapping in a reservation, which is the mapping's from now on.</summary>
    public RegionMapping(RegionEntry entry, AddressReservation view)
    {
        Entry = entry;
        _view = view;
    }

    /// <summary>The region's entry in force.</summary>
    public RegionEntry Entry { get; set; }

    /// <summary>True where its memory is to be kept out of swap.</summary>
    public bool Locks { get; init; }

    /// <summary>From which NUMA nodes its memory is taken; null for wherever.</summary>
    public NumaPolicy? Numa { get; private set; }

    /// <summary>True where its bytes may be written.</summary>
    public required bool IsWritable { get; init; }

    /// <summary>
    /// The file whose lock is the loan, where the region was borrowed from the arena's writer; such a mapping is one
    /// opening's alone.
    /// </summary>
    public MediumFile? Loan { get; init; }

    /// <summary>How many openings share this.</summary>
    public int Openings { get; set; }

    /// <summary>The first byte.</summary>
    public nint Address => _view.Address;

    /// <summary>Address space there is, in bytes.</summary>
    public long Span => _view.Length;

    /// <summary>Bytes that can be used.</summary>
    public long Length => Volatile.Read(ref _length);

    /// <summary>How many extents are mapped.</summary>
    public int Parts => _parts.Length;

    /// <summary>
    /// Adds an extent behind the others. Its file stays open only where space is still to be taken through it.
    /// </summary>
    public void Add(ExtentEntry extent, MediumFile file)
    {
        bool keep = Entry.Reserve == RegionReserve.OnDemand && file.IsWritable;
        long start = _parts.Length == 0 ? 0 : _parts[^1].Start + _parts[^1].Used;
        Volatile.Write(ref _parts, [.. _parts, new Part(start, extent.Used, keep ? file : null)]);

        if (!keep)
        {
            file.Dispose();
        }
    }

    /// <summary>The last extent holds more of the region than it did.</summary>
    public void ExtendLast(long used) => Volatile.Write(ref _parts, [.. _parts[..^1], _parts[^1] with { Used = used }]);

    /// <summary>
    /// Takes the medium's memory again for what lies before an offset, where a file has less than that: a copy that
    /// left out pages of zeros has holes there.
    /// </summary>
    public void FillHoles(long end)
    {
        foreach (Part part in Volatile.Read(ref _parts))
        {
            long used = Math.Min(part.Used, end - part.Start);
            if (used > 0)
            {
                part.File?.FillHoles(used);
            }
        }
    }

    /// <summary>Keeps a range out of swap, where that was asked for.</summary>
    /// <exception cref="MediumException">The process may not lock so much.</exception>
    public void Lock(long from, long end)
    {
        if (Locks)
        {
            MemoryLock.Lock(Address + (nint)from, end - from, Entry.Name);
        }
    }

    /// <summary>Has memory that is taken from here on come from a policy's nodes, for what is mapped.</summary>
    /// <exception cref="NumaNodeException">One of them is not there.</exception>
    public void Place(NumaPolicy policy, long end)
    {
        MemoryPolicy.RequireNodes(policy, Entry.Name);
        int errno = end > 0 ? MemoryPolicy.Bind(Address, end, policy) : 0;
        if (errno != 0)
        {
            throw new NumaNodeException(Entry.Name, policy, NumaNodes.WithMemory(), errno);
        }

        Numa = policy;
    }

    /// <summary>The same for what is added, where a policy was set.</summary>
    public void PlaceAdded(long end)
    {
        if (Numa is { } policy)
        {
            Place(policy, end);
        }
    }

    /// <summary>Makes what was added usable.</summary>
    public void Publish(RegionEntry entry)
    {
        Entry = entry;
        _backed.Grow(entry.Length);
        Volatile.Write(ref _length, entry.Length);
    }

    /// <summary>True where a range is known to have the medium's memory.</summary>
    public bool IsBacked(long offset, long length) =>
        Entry.Reserve == RegionReserve.Full || _backed.Contains(offset, length);

    /// <summary>
    /// The first stretch of a range that has the medium's memory; its length is 0 where there is none.
    /// </summary>
    public (long Offset, long Length) FirstHeld(long offset, long length)
    {
        long end = offset + length;
        foreach (Part part in Volatile.Read(ref _parts))
        {
            long from = Math.Max(offset, part.Start);
            long partEnd = Math.Min(end, part.Start + part.Used);
            if (from < partEnd && part.File is { } file
                && file.FirstHeld(from - part.Start, partEnd - from) is { Length: > 0 } held)
            {
                return (held.Offset + part.Start, held.Length);
            }
        }

        return (end, 0);
    }

    /// <summary>
    /// Takes the medium's memory for a range, where that was not done at creation. Without a lock: to take what another
    /// thread is just taking is allowed, and no writer waits for a thread that takes memory ahead of it.
    /// </summary>
    public void EnsureBacked(long offset, long length)
    {
        long end = offset + length;
        foreach (Part part in Volatile.Read(ref _parts))
        {
            long partFrom = Math.Max(offset, part.Start);
            long partEnd = Math.Min(end, part.Start + part.Used);
            if (partFrom < partEnd)
            {
                part.File?.Reserve(partFrom - part.Start, partEnd - partFrom);
            }
        }

        _backed.Add(offset, length);
    }

    /// <summary>
    /// Takes out what was mapped behind the region's end by a growth that then failed: its files are gone, and the
    /// mapping would keep their memory.
    /// </summary>
    public void ClearBehind(long offset, long length)
    {
        if (length > 0)
        {
            _view.Clear(offset, Math.Min(length, _view.Length - offset));
        }
    }

    /// <summary>Takes the memory out. Whoever still reads it finds zeros.</summary>
    public void Unmap()
    {
        foreach (Part part in _parts)
        {
            part.File?.Dispose();
        }

        _parts = [];
        if (_length > 0)
        {
            _view.Retire(RegionSizes.RoundUp(_length, Entry.Alignment));
        }
        else
        {
            _view.Dispose(); // It was never given to anybody.
        }

        Loan?.Dispose();
    }

    private sealed record Part(long Start, long Used, MediumFile? File);
}
