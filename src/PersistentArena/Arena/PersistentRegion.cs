using GuestMemFs.Native;
using GuestMemFs.Arena;

namespace GuestMemFs;

/// <summary>
/// A region, open: memory at a fixed address, contiguous, that is still there when the process is not.
/// </summary>
/// <remarks>
/// <para>Metadata calls are thread-safe. The bytes are plain shared memory: who writes them orders its own
/// stores.</para>
/// <para>A span or address keeps nothing alive: dispose of the region only when nobody uses its memory. The memory is
/// taken out when the last opening of the region in this arena object is disposed of: in its place are zeros then, as
/// long as an object refers to the region. A heap's and its dictionaries' users get
/// <see cref="ObjectDisposedException"/>.</para>
/// </remarks>
public sealed unsafe class PersistentRegion : IDisposable
{
    private readonly RegionMapping _mapping;
    private readonly List<(Action Close, Action Gone)> _users = [];
    private int _disposed;

    internal PersistentRegion(PersistentArena arena, RegionMapping mapping)
    {
        Arena = arena;
        _mapping = mapping;
        Address = mapping.Address;
    }

    /// <summary>The arena it is of.</summary>
    public PersistentArena Arena { get; }

    /// <summary>Its name now.</summary>
    public string Name => _mapping.Entry.Name;

    /// <summary>Whose bytes it holds.</summary>
    public RegionKind Kind => _mapping.Entry.Kind;

    /// <summary>Bytes. Rises with <see cref="Grow"/>.</summary>
    public long Length => _mapping.Length;

    /// <summary>How far it can grow at this address, in bytes.</summary>
    public long MaximumLength => Math.Max(Length,
        Math.Min(_mapping.Entry.MaximumLength, _mapping.Span - _mapping.Entry.Alignment));

    /// <summary>
    /// The first byte, aligned as asked at creation (at least 2 MiB). Never changes while it is open.
    /// </summary>
    public nint Address { get; }

    /// <summary>True where the mapping cannot be written: a store to it ends the process.</summary>
    public bool IsReadOnly => !_mapping.IsWritable;

    /// <summary>What all openings of the region in this arena object share.</summary>
    internal RegionMapping Mapping => _mapping;

    /// <summary>Never used twice in the arena.</summary>
    internal ulong RegionId => _mapping.Entry.Id;

    /// <summary>Random, drawn at creation: tells this region's life from earlier ones of the same memory.</summary>
    internal ulong Nonce => _mapping.Entry.Nonce;

    /// <summary>True where the journal says that a heap was made here.</summary>
    internal bool IsFormatted => _mapping.Entry.Formatted;

    /// <summary>A part of the memory, at most 2 GiB long.</summary>
    /// <exception cref="ObjectDisposedException">The region or its arena was disposed of.</exception>
    /// <exception cref="ArgumentOutOfRangeException">It is not within the region.</exception>
    public Span<byte> AsSpan(long offset, int length)
    {
        CheckRange(offset, length);
        return new Span<byte>((byte*)Address + offset, length);
    }

    /// <summary>Makes the region longer at its address, while it is in use; nothing is copied.</summary>
    /// <param name="newLength">
    /// Bytes: a multiple of 4 KiB, at most <see cref="MaximumLength"/>. The present length changes nothing.
    /// </param>
    /// <exception cref="RegionSizeException">It is shorter than now, or longer than it can be.</exception>
    /// <exception cref="ArenaOutOfSpaceException">The medium has no room. Nothing changed.</exception>
    /// <exception cref="RegionLentException">It is a running machine's memory.</exception>
    public void Grow(long newLength)
    {
        CheckOpen();
        Arena.Grow(_mapping, newLength);
    }

    /// <summary>
    /// Makes a range safe from a loss of power, where the medium can (<see cref="MediumCapabilities.CanFlush"/>); does
    /// nothing where it cannot. What else the medium survives needs no flush.
    /// </summary>
    public void Flush(long offset, long length)
    {
        CheckRange(offset, length);
        if (length == 0 || IsReadOnly || !Arena.Medium.Capabilities.CanFlush)
        {
            return;
        }

        long from = offset & -PageSizes.Small;
        Arena.Medium.Guard(0, () => Arena.Medium.Flush(Address + (nint)from, offset + length - from));
    }

    /// <summary>
    /// What pages the kernel gave the region, as far as this process has touched it. Walks the process's page tables:
    /// for reports, not for hot paths.
    /// </summary>
    public PageReport ReadPages()
    {
        CheckOpen();
        return PageReport.ForRange(Address, Length);
    }

    /// <summary>
    /// Has the region's memory come from a policy's NUMA nodes from here on, also where it grows; what is there stays.
    /// </summary>
    /// <exception cref="NumaNodeException">A node is not there. Nothing was changed.</exception>
    /// <exception cref="ArenaReadOnlyException">The region was opened read-only.</exception>
    public void SetNuma(NumaPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        CheckOpen();
        if (IsReadOnly)
        {
            throw new ArenaReadOnlyException(Arena.Medium.Location, $"setting the NUMA policy of region '{Name}'");
        }

        Arena.Place(_mapping, policy);
    }

    /// <summary>True where its space was taken in full when it was made.</summary>
    internal bool ReservesAll => _mapping.Entry.Reserve == RegionReserve.Full;

    /// <summary>
    /// The NUMA policy in force at the region's beginning, as the kernel says it; null where it does not. On tmpfs and
    /// in memfds it is the file's: what another process has set.
    /// </summary>
    public NumaPolicy? ReadNuma()
    {
        CheckOpen();
        return MemoryPolicy.Read(Address);
    }

    /// <summary>
    /// Takes the medium's space for a range of a region that reserves on demand (<see cref="RegionReserve.OnDemand"/>),
    /// so that no store to it can fail. Cheap where that was done before, and where the region reserved all of it.
    /// </summary>
    /// <param name="offset">Bytes from the region's start.</param>
    /// <param name="length">Bytes.</param>
    /// <exception cref="ArenaOutOfSpaceException">The medium has no room.</exception>
    /// <exception cref="ArenaReadOnlyException">The region was opened read-only.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the region.</exception>
    public void EnsureBacked(long offset, long length)
    {
        CheckRange(offset, length);
        if (IsReadOnly)
        {
            throw new ArenaReadOnlyException(Arena.Medium.Location, $"taking space for region '{Name}'");
        }

        Arena.EnsureBacked(_mapping, offset, length);
    }

    /// <summary>Has an object told that works in this region's memory.</summary>
    /// <param name="close">
    /// Before the arena is closed or this is disposed of, perhaps more than once: ends changes. What it throws keeps
    /// the region open.
    /// </param>
    /// <param name="gone">Before the memory is taken out.</param>
    internal void BeforeClose(Action close, Action gone)
    {
        lock (_users)
        {
            _users.Add((close, gone));
        }

        Arena.Closing += close;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        (Action Close, Action Gone)[] users;
        lock (_users)
        {
            users = [.. _users];
        }

        foreach ((Action close, _) in users)
        {
            close();
        }

        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        foreach ((Action close, Action gone) in users)
        {
            gone();
            Arena.Closing -= close;
        }

        Arena.Release(_mapping);
    }

    private void CheckOpen()
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        ObjectDisposedException.ThrowIf(Arena.IsDisposed, Arena);
    }

    private void CheckRange(long offset, long length)
    {
        CheckOpen();
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        long whole = Length;
        if (offset > whole || length > whole - offset)
        {
            throw new ArgumentOutOfRangeException(nameof(length), length,
                $"Region '{Name}' has {whole} bytes; {length} at {offset} are not within it.");
        }
    }
}
