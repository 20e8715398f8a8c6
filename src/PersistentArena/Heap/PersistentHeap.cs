using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Text;
using GuestMemFs.Format;
using GuestMemFs.Heap;
using GuestMemFs.Arena;

namespace GuestMemFs;

/// <summary>
/// A crash-safe heap in a region of kind <see cref="RegionKind.Heap"/>. A change is whole or absent after SIGKILL at
/// any store; attaching looks at what was in flight and at nothing else.
/// </summary>
/// <remarks>
/// <para>Thread-safe. Up to 64 threads change the heap at the same time, more take turns. Blocks are aligned to 16
/// bytes, those from 512 bytes on to 64.</para>
/// <para>All openings of a region's heap in one arena object share one heap. It is closed with the last of the regions
/// that it was opened in.</para>
/// <para>Which call may meet which is a table in docs/threads.md.</para>
/// </remarks>
public sealed unsafe partial class PersistentHeap
{
    // The one heap of each mapping in this process that changes it.
    private static readonly ConditionalWeakTable<RegionMapping, OpenHeap> s_open = [];

    private readonly IHeapSpace _space;
    private readonly byte* _base;
    private readonly HeapLanes _lanes;
    private readonly BlockAllocator? _blocks;
    private readonly Compactor? _compactor;
    private IBlockOwner[] _owners = [];
    private readonly Lock _rootLock = new();
    private volatile bool _gone;

    private PersistentHeap(IHeapSpace space, bool recover = true)
    {
        _space = space;
        _base = space.Base;
        CheckHeader();
        _lanes = new HeapLanes(this);
        BlockEraser? eraser = Erases ? EraseFromNowOn() : null;
        Groups = new HeapGroups(this, _lanes);
        bool recovers = space.IsWritable && recover;
        if (recovers)
        {
            space.FillHoles(FrontierBytes);
            _blocks = new BlockAllocator(space, _lanes.All.ToArray());
            _compactor = new Compactor(this, _blocks);
            Recover(eraser);
            if (eraser is not null && *SweptWord == 0)
            {
                Sweep(eraser);
            }
        }

        new HeapRoots(space).Check(settled: recovers);
    }

    /// <summary>What this attach found in flight.</summary>
    public HeapRecoveryReport Recovery { get; private set; }

    /// <summary>The longest block, in bytes.</summary>
    public const long MaximumBlockLength = HeapFormat.MaximumBlock;

    /// <summary>Names of the roots.</summary>
    public IReadOnlyList<string> Roots => new HeapRoots(_space).Names();

    /// <summary>
    /// True where what is freed is zeroed before the change returns: <see cref="HeapOptions.Erase"/>.
    /// </summary>
    public bool Erases => (*(ulong*)(_base + HeapFormat.IncompatOffset) & HeapFormat.Erasing) != 0;

    internal IHeapSpace Space => _space;

    internal byte* Base => _base;

    internal BlockAllocator Blocks => _blocks
        ?? throw ArenaReadOnlyException.OfRegion(_space.Name, "changing its heap");

    internal ReadOnlySpan<Lane> Lanes => _lanes.All;

    internal HeapGroups Groups { get; }

    /// <summary>True where this thread has the heap for itself: it is in an atomic group.</summary>
    internal bool IsMine => _lanes.IsMine;

    /// <summary>Where readers of other processes see that a writer has ended the changes of one that died.</summary>
    internal ulong* RecoveredWord => (ulong*)(_base + HeapFormat.RecoveredOffset);

    /// <summary>What can move its blocks.</summary>
    internal ReadOnlySpan<IBlockOwner> Owners => Volatile.Read(ref _owners);

    /// <summary>
    /// Opens the region's heap, making one in a region that never held one. Opened again in the same arena object, it
    /// is the same heap.
    /// </summary>
    /// <exception cref="RegionKindException">The region is not of kind Heap.</exception>
    /// <exception cref="HeapDamagedException">The region held a heap whose header does not check.</exception>
    /// <exception cref="ArenaReadOnlyException">The region never held one, and the arena was opened
    /// read-only.</exception>
    public static PersistentHeap Open(PersistentRegion region) => Open(region, new HeapOptions());

    /// <summary>As <see cref="Open(PersistentRegion)"/>, with options. They add to what the heap has already.</summary>
    /// <param name="region">The region.</param>
    /// <param name="options">
    /// What the heap is to do beside its work. Of no effect where the region was opened read-only.
    /// </param>
    /// <inheritdoc cref="Open(PersistentRegion)" path="/exception"/>
    /// <exception cref="ArenaOutOfSpaceException">
    /// <see cref="HeapOptions.Erase"/> is new to the heap, its free memory has holes, and the medium has no room for
    /// them. The next open goes on with it.
    /// </exception>
    public static PersistentHeap Open(PersistentRegion region, HeapOptions options)
    {
        ArgumentNullException.ThrowIfNull(region);
        ArgumentNullException.ThrowIfNull(options);
        if (region.IsReadOnly)
        {
            PersistentHeap reader = Open(new RegionHeapSpace(region));
            region.BeforeClose(reader.Close, reader.MarkGone);
            return reader;
        }

        OpenHeap open = s_open.GetOrCreateValue(region.Mapping);
        lock (open.Gate)
        {
            if (open.Space is null || !open.Space.TryJoin(region))
            {
                open.Space = new RegionHeapSpace(region);
                open.Heap = Open(open.Space);
            }

            (RegionHeapSpace space, PersistentHeap heap) = (open.Space, open.Heap!);
            region.BeforeClose(() => space.Leave(region, heap.Close), () => space.WhenLast(region, heap.MarkGone));
            heap.Apply(options);
            return heap;
        }
    }

    internal static PersistentHeap Open(IHeapSpace space, HeapOptions options)
    {
        PersistentHeap heap = Open(space);
        heap.Apply(options);
        return heap;
    }

    internal static PersistentHeap Open(IHeapSpace space)
    {
        if (!space.IsFormatted)
        {
            if (!space.IsWritable)
            {
                throw ArenaReadOnlyException.OfRegion(space.Name, "making its heap, which it never held,");
            }

            Format(space);
        }

        return new PersistentHeap(space);
    }

    /// <summary>Bytes in use and free, as far as known without looking at all blocks.</summary>
    public HeapStatistics GetStatistics()
    {
        (long longest, long inSlabs) = _blocks?.Scattered ?? default;
        (long blocks, long bytes, long won) = _compactor?.Done ?? default;
        return new(_space.Length, FrontierBytes, _blocks?.KnownFreeBytes ?? 0)
        {
            LongestFree = longest,
            FreeInSlabs = inSlabs,
            IsScattered = _compactor?.IsScattered ?? false,
            BlocksMoved = blocks,
            BytesMoved = bytes,
            BytesWon = won,
        };
    }

    /// <summary>
    /// Makes scattered free memory usable for about that long: moves records together, one store each, crash-safe like
    /// an update. Does nothing where free memory is not scattered, or where half of the region was never used. For a
    /// timer; a write that finds no room does as much as it needs itself.
    /// </summary>
    /// <returns>True where there is more to do.</returns>
    /// <exception cref="ArenaReadOnlyException">The arena was opened to read.</exception>
    public bool Compact(TimeSpan limit)
    {
        Compactor compactor = _compactor ?? throw ArenaReadOnlyException.OfRegion(_space.Name, "compacting its heap");
        Lane lane = TakeLane();
        try
        {
            return compactor.Step(lane, limit);
        }
        finally
        {
            ReleaseLane(lane);
        }
    }

    /// <summary>
    /// For a caller that was refused a block, and holds no bucket's lock: true where it is worth trying again.
    /// </summary>
    internal bool MakeRoom(Lane lane, long size) => _compactor!.MakeRoom(lane, size);

    /// <summary>Takes a block for a caller that holds no bucket's lock, making room where there is none.</summary>
    internal long TakeMakingRoom(Lane lane, long size)
    {
        const int Tries = 16;
        try
        {
            for (int tries = 1; ; tries++)
            {
                try
                {
                    return Blocks.Take(lane, size);
                }
                catch (ArenaOutOfSpaceException) when (tries < Tries)
                {
                    if (!MakeRoom(lane, size))
                    {
                        throw;
                    }
                }
            }
        }
        finally
        {
            lane.TakesAnything = false;
        }
    }

    /// <summary>Has a dictionary asked to move its blocks from now on.</summary>
    internal void AddOwner(IBlockOwner owner)
    {
        lock (_rootLock)
        {
            Volatile.Write(ref _owners, [.. _owners, owner]);
        }

        _compactor?.OwnerAdded();
    }

    internal long FrontierBytes => new HeapFrontier(_space).Read() << HeapFormat.PageShift;

    internal byte* At(long offset) => _base + offset;

    /// <summary>
    /// Changes and groups that were begun and not ended: what recovery looks at. Exact where nobody writes.
    /// </summary>
    internal int CountInFlight()
    {
        int count = 0;
        foreach (Lane lane in Lanes)
        {
            count += lane.Words[IntentWord.Operation] != 0 || GroupLog.StateOf(_space, lane) != GroupLog.Idle ? 1 : 0;
        }

        return count;
    }

    /// <summary>
    /// Starts a group of changes by this thread: of any dictionaries, roots and objects of this heap. A crash undoes it
    /// as a whole, unless <see cref="AtomicGroup.Commit"/> was reached. Other writers of the heap wait until it ends.
    /// Readers see its changes as they are made: isolation is read uncommitted for readers, serializable for writers.
    /// Groups do not nest.
    /// </summary>
    /// <param name="changes">
    /// How many changes its log has room for from the start, 24 bytes each; a longer group's log grows. A removal that
    /// has room in the log needs no memory.
    /// </param>
    /// <exception cref="ArenaOutOfSpaceException">There is no room for the log. No group was started.</exception>
    /// <exception cref="AtomicGroupException">This thread has one open already.</exception>
    public AtomicGroup BeginAtomic(int changes = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(changes);
        return new AtomicGroup(Groups, changes);
    }

    /// <summary>
    /// Takes a lane for a change. Waits where all are held, and while another thread has the heap for an atomic group.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Lane TakeLane() => _lanes.Take();

    /// <summary>Gives a lane back; a group's lane stays with the group.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void ReleaseLane(Lane lane) => HeapLanes.Give(lane);

    /// <summary>Does something with no other writer beside it.</summary>
    internal T Alone<T>(Func<T> action)
    {
        if (IsMine)
        {
            return action();
        }

        Lane lane = _lanes.BeginExclusive();
        try
        {
            return action();
        }
        finally
        {
            _lanes.EndExclusive(lane);
        }
    }

    /// <summary>
    /// Does something while nothing of the heap changes: no change is in flight, no group is open, and what wants to
    /// begin waits.
    /// </summary>
    /// <exception cref="AtomicGroupException">This thread has a group open.</exception>
    internal void WhileStill(Action action)
    {
        Lane lane = _lanes.BeginExclusive();
        try
        {
            action();
        }
        finally
        {
            _lanes.EndExclusive(lane);
        }
    }

    /// <summary>Waits for the changes in flight and refuses later ones.</summary>
    internal void Close() => _lanes.Close();

    /// <summary>Throws where nobody may change the heap (any more).</summary>
    internal void ThrowIfClosed() => _lanes.ThrowIfClosed();

    /// <summary>Throws where this thread is in a callback: what it wants to wait for is itself.</summary>
    internal void ThrowIfHeldBy(int thread) => _lanes.ThrowIfHeldBy(thread);

    /// <summary>
    /// The region is about to be unmapped: from now on readers find zeros in its place, and are to say so.
    /// </summary>
    internal void MarkGone() => _gone = true;

    /// <summary>
    /// Throws where the region was unmapped. For the paths that end without a record: what they saw may have been zeros
    /// in its place.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void ThrowIfGone()
    {
        if (_gone)
        {
            ThrowGone();
        }
    }

    [System.Diagnostics.CodeAnalysis.DoesNotReturn]
    private void ThrowGone() => throw new ObjectDisposedException(nameof(PersistentRegion),
        $"Region '{_space.Name}' was disposed of.");

    /// <summary>Ends the parking of a lane whose open group of an earlier attach was rolled back.</summary>
    internal void Unpark(Lane lane)
    {
        lane.IsParked = false;
        lane.Release();
        Recovery = Recovery with { GroupsRolledBack = Recovery.GroupsRolledBack + 1 };
    }

    /// <summary>The offset of a root object; 0 where there is none of that name.</summary>
    internal long FindRoot(string name, ulong layoutHash)
    {
        HeapRoots roots = new(_space);
        long slot = roots.Find(NameBytes(name), out ulong found);
        return slot == 0 ? 0
            : found == layoutHash ? roots.Follow(slot)
            : throw new HeapLayoutException(_space.Name, name, found, layoutHash);
    }

    /// <summary>
    /// Allocates a root object, has it filled (all but its first 8 bytes), and publishes it; where another thread made
    /// one of that name meanwhile, it is that one.
    /// </summary>
    internal long CreateRoot(string name, in RootForm form, Action<long> fill)
    {
        byte[] bytes = NameBytes(name);
        Lane lane = TakeLane();
        try
        {
            lock (_rootLock)
            {
                if (FindRoot(name, form.Layout) is not 0 and var made)
                {
                    return made;
                }

                if (lane.InGroup)
                {
                    // Taken back, it would leave whoever holds it with freed memory.
                    throw AtomicGroupException.Creates(_space.Name, name);
                }

                long block = TakeMakingRoom(lane, form.Size);
                lane.BeginFill(block);
                fill(block);
                HeapRoots roots = new(_space);
                long slot = roots.FindFree();
                if (slot == 0)
                {
                    lane.Discard(block);
                    Blocks.Give(lane, block, form.Size);
                    throw new HeapRootsFullException(_space.Name, name, HeapFormat.RootCount);
                }

                if (form.Feature != 0)
                {
                    Require(form.Feature); // before the root is: an older library would take it for another thing
                }

                Intent intent = new() { Slot = slot, Value = SealedOffset.Seal(block, slot), New = block };
                lane.Begin(intent);
                roots.Write(slot, bytes, form.Layout);
                Persist.Publish((ulong*)(_base + block), form.Header);
                Persist.Publish((ulong*)(_base + slot), intent.Value); // COMMIT POINT: new root
                lane.Finish(intent);
                return block;
            }
        }
        finally
        {
            ReleaseLane(lane);
        }
    }

    private ulong* SweptWord => (ulong*)(_base + HeapFormat.SweptOffset);

    /// <summary>Does from now on what the options ask for. What the heap does already stays.</summary>
    private void Apply(HeapOptions options)
    {
        if (options.Erase && !Erases)
        {
            Alone(() =>
            {
                Require(HeapFormat.Erasing); // killed before the sweep's end, the next open sweeps
                Sweep(EraseFromNowOn());
                return 0;
            });
        }
    }

    private BlockEraser EraseFromNowOn()
    {
        BlockEraser eraser = new(_space);
        foreach (Lane lane in Lanes)
        {
            lane.EraseWith(eraser);
        }

        return eraser;
    }

    private void Sweep(BlockEraser eraser)
    {
        eraser.Sweep();
        Persist.Publish(SweptWord, 1); // COMMIT POINT: swept
    }

    private void Recover(BlockEraser? eraser)
    {
        FinishHeader();
        if (CountInFlight() > 0)
        {
            // Before anything is freed: a reader of another process that began under the writer before this one looks
            // again.
            Persist.Publish(RecoveredWord, _space.Epoch);
        }

        HeapRecovery recovery = new(_space, eraser);
        foreach (Lane lane in Lanes)
        {
            Recovery = Count(recovery.Resolve(lane));
            eraser?.EraseFilling(lane.Words);
            if (GroupLog.Exists(lane))
            {
                GroupLog.Open(_space, lane).Check(_space);
            }

            switch (GroupLog.StateOf(_space, lane))
            {
                case GroupLog.Committed:
                    recovery.FreeReplaced(lane);
                    GroupLog.SetState(lane, GroupLog.Idle, 0);
                    Recovery = Recovery with { GroupsCommitted = Recovery.GroupsCommitted + 1 };
                    break;
                case GroupLog.Opened:
                    lane.TryTake(Environment.CurrentManagedThreadId);
                    lane.IsParked = true;
                    break;
            }
        }

        foreach (Lane lane in Lanes)
        {
            if (lane.IsParked)
            {
                Groups.RollBackWords(lane);
            }
        }
    }

    private HeapRecoveryReport Count(LaneOutcome outcome) => outcome switch
    {
        LaneOutcome.Finished => Recovery with { Finished = Recovery.Finished + 1 },
        LaneOutcome.Undone => Recovery with { Undone = Recovery.Undone + 1 },
        _ => Recovery,
    };

    /// <summary>
    /// Makes a heap. The journal's mark is the commit: until it is set, the next open does all this again.
    /// </summary>
    private static void Format(IHeapSpace space)
    {
        if (space.Length < HeapFormat.MinimumLength)
        {
            throw new ArgumentException($"Region '{space.Name}' has {space.Length:N0} bytes; a heap needs at " +
                $"least {HeapFormat.MinimumLength:N0}.", nameof(space));
        }

        byte* start = space.Base;
        // One huge page, where the medium has them: the header and the page table are used all the time.
        space.EnsureBacked(0, HeapFormat.MinimumLength);
        Persist.Fill(start, HeapFormat.FirstPage << HeapFormat.PageShift, 0);
        new HeapFrontier(space).Write(HeapFormat.FirstPage);
        Span<byte> header = stackalloc byte[HeapFormat.ConstantLength];
        header.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(header, HeapFormat.Magic);
        BinaryPrimitives.WriteUInt64LittleEndian(header[HeapFormat.VersionOffset..], HeapFormat.Version);
        BinaryPrimitives.WriteUInt64LittleEndian(header[HeapFormat.IncompatOffset..], HeapFormat.GroupsOfSeveral);
        BinaryPrimitives.WriteUInt64LittleEndian(header[HeapFormat.NonceOffset..], space.Nonce);
        space.ArenaId.TryWriteBytes(header[HeapFormat.ArenaIdOffset..]);
        Persist.Copy(start, header);
        Persist.Publish((ulong*)(start + HeapFormat.CrcOffset), HeaderCrc(start));
        space.MarkFormatted();
    }

    /// <summary>
    /// Makes a heap of the bytes that were copied into a region: the header names the region that they lay in before,
    /// and is written anew for this one. For restoring a copy; the next <see cref="Open(PersistentRegion)"/> recovers
    /// what was in flight in it.
    /// </summary>
    /// <remarks>
    /// One commit of the journal: killed before it, the region holds no heap, and the copy is to be made again. No heap
    /// may be open in the region. What caches of an earlier attach had reserved is free with the next writer.
    /// </remarks>
    /// <param name="region">A region of kind <see cref="RegionKind.Heap"/> that has the bytes from its start
    /// on.</param>
    /// <exception cref="RegionKindException">The region is not of kind Heap.</exception>
    /// <exception cref="ArenaReadOnlyException">The region was opened read-only.</exception>
    /// <exception cref="HeapDamagedException">What was copied is no heap.</exception>
    /// <exception cref="HeapFormatException">It is a newer library's.</exception>
    public static void Adopt(PersistentRegion region)
    {
        ArgumentNullException.ThrowIfNull(region);
        var space = new RegionHeapSpace(region);
        if (!space.IsWritable)
        {
            throw new ArenaReadOnlyException(region.Arena.Medium.Location,
                $"adopting the heap in region '{region.Name}'");
        }

        space.EnsureBacked(0, HeapFormat.MinimumLength); // A hole that is touched on a full medium would be a signal.
        ulong* words = (ulong*)space.Base;
        if (!HasHeader(space.Base))
        {
            throw new HeapDamagedException(space.Name, 0, "the header that was copied into it does not check");
        }

        Span<byte> id = stackalloc byte[16];
        space.ArenaId.TryWriteBytes(id);
        Persist.Store(words + (HeapFormat.NonceOffset / 8), space.Nonce);
        Persist.Copy(space.Base + HeapFormat.ArenaIdOffset, id);
        Persist.Publish(words + (HeapFormat.CrcOffset / 8), HeaderCrc(space.Base));
        _ = new PersistentHeap(space, recover: false); // The other checks of an open: version, frontier.
        space.MarkFormatted();
    }

    private void CheckHeader()
    {
        ulong* words = (ulong*)_base;
        if (!HasHeader(_base))
        {
            throw new HeapDamagedException(_space.Name, 0, "its header does not check");
        }

        if (words[HeapFormat.VersionOffset / 8] != HeapFormat.Version
            || (words[HeapFormat.IncompatOffset / 8] & ~HeapFormat.KnownIncompatible) != 0)
        {
            throw new HeapFormatException(_space.Name, words[HeapFormat.VersionOffset / 8],
                words[HeapFormat.IncompatOffset / 8]);
        }

        if (words[HeapFormat.NonceOffset / 8] != _space.Nonce
            || new Guid(new ReadOnlySpan<byte>(_base + HeapFormat.ArenaIdOffset, 16)) != _space.ArenaId)
        {
            throw new HeapDamagedException(_space.Name, HeapFormat.NonceOffset, "its header belongs to another region");
        }

        new HeapFrontier(_space).Read();
    }

    /// <summary>As <see cref="Require"/>, where nothing that keeps others from it is held.</summary>
    internal void RequireAlone(ulong feature)
    {
        Lane lane = TakeLane();
        try
        {
            lock (_rootLock)
            {
                Require(feature);
            }
        }
        finally
        {
            ReleaseLane(lane);
        }
    }

    /// <summary>
    /// Notes in the header that a feature is in use, so that a library that does not know it refuses the heap. Under
    /// <see cref="Alone"/> or in a group.
    /// </summary>
    internal void Require(ulong feature)
    {
        ulong* word = (ulong*)(_base + HeapFormat.IncompatOffset);
        if ((*word & feature) == 0)
        {
            Persist.Publish(word, *word | feature); // COMMIT POINT: feature
            FinishHeader();
        }
    }

    /// <summary>A feature's bit is stored before the checksum: the latter may be missing after a crash.</summary>
    private void FinishHeader()
    {
        ulong* crc = (ulong*)(_base + HeapFormat.CrcOffset);
        ulong whole = HeaderCrc(_base);
        if (*crc != whole)
        {
            Persist.Publish(crc, whole);
        }
    }

    private static bool HasHeader(byte* start)
    {
        ulong crc = *(ulong*)(start + HeapFormat.CrcOffset);
        bool intact = crc == HeaderCrc(start) || IsWithoutNewest(start, crc);
        return *(ulong*)start == HeapFormat.Magic && Guard.Holds(intact);
    }

    /// <summary>True for the checksum of the header as it was before one of its features came.</summary>
    private static bool IsWithoutNewest(byte* start, ulong crc)
    {
        for (ulong left = HeapFormat.KnownIncompatible; left != 0; left &= left - 1)
        {
            if (crc == HeaderCrc(start, left & (0 - left)))
            {
                return true;
            }
        }

        return false;
    }

    private static uint HeaderCrc(byte* start, ulong without = 0)
    {
        uint crc = 0x4845_4150;
        for (int i = 0; i < HeapFormat.ConstantLength; i += sizeof(ulong))
        {
            ulong word = *(ulong*)(start + i);
            crc = BitOperations.Crc32C(crc, i == HeapFormat.IncompatOffset ? word & ~without : word);
        }

        return crc;
    }

    private static byte[] NameBytes(string name)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        return bytes.Length is > 0 and <= HeapRoots.MaximumNameLength && !bytes.Contains((byte)0)
            ? bytes
            : throw new ArgumentException($"A root's name has 1 to {HeapRoots.MaximumNameLength} bytes of UTF-8 and " +
                $"no NUL; '{name}' has {bytes.Length}.", nameof(name));
    }
}

/// <summary>What a root object is.</summary>
/// <param name="Layout">Hash of its layout.</param>
/// <param name="Size">In bytes, its header included.</param>
/// <param name="Header">Its block's header.</param>
/// <param name="Feature">
/// What a library has to know that opens the heap; 0 for nothing new. Where there is one, the creator has the heap for
/// itself.
/// </param>
internal readonly record struct RootForm(ulong Layout, long Size, ulong Header, ulong Feature = 0);

/// <summary>The heap of a mapping, where it is open.</summary>
internal sealed class OpenHeap
{
    /// <summary>Held while the mapping's heap is opened.</summary>
    public Lock Gate { get; } = new();

    public RegionHeapSpace? Space { get; set; }

    public PersistentHeap? Heap { get; set; }
}

/// <summary>A heap's sizes in bytes.</summary>
/// <param name="Length">The region's length.</param>
/// <param name="Frontier">What was handed out at least once; the rest is fresh.</param>
/// <param name="KnownFree">Free runs of pages below the frontier that are known of. Free blocks within slabs are not
/// counted.</param>
public readonly record struct HeapStatistics(long Length, long Frontier, long KnownFree)
{
    /// <summary>The longest stretch of free pages that is known of, or that was never used.</summary>
    public long LongestFree { get; init; }

    /// <summary>
    /// Free blocks within slabs, as far as known: of use to records of the same size only, until the slab is empty.
    /// </summary>
    public long FreeInSlabs { get; init; }

    /// <summary>
    /// True where so much is free within slabs that <see cref="PersistentHeap.Compact"/> moves records.
    /// </summary>
    public bool IsScattered { get; init; }

    /// <summary>Records that were moved since the heap was opened.</summary>
    public long BlocksMoved { get; init; }

    /// <summary>Their bytes.</summary>
    public long BytesMoved { get; init; }

    /// <summary>Pages that became free by it.</summary>
    public long BytesWon { get; init; }
}
