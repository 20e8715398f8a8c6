using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GuestMemFs.Arena;
using GuestMemFs.Format;
using GuestMemFs.Heap;

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
public sealed unsafe class PersistentHeap
{
    // The one heap of each mapping in this process that changes it.
    private static readonly ConditionalWeakTable<RegionMapping, HeapOpening> s_openings = [];

    private readonly HeapState _state;
    private readonly HeapHeader _header;
    private readonly HeapLanes _lanes;
    private readonly BlockAllocator? _blocks;
    private readonly Compactor _compactor;
    private readonly NamedRoots _roots;
    private readonly HeapObjects _objects;
    private readonly ObjectWriter _writer;

    private PersistentHeap(IHeapSpace space)
    {
        _header = new HeapHeader(space);
        _header.Check();
        _state = new HeapState(space);
        _blocks = space.IsWritable ? _state.Blocks : null;
        _objects = new HeapObjects(_state);
        GroupLogs = new GroupLogWriter(_state, _header);
        var records = new ObjectRecords(_state, _objects, GroupLogs);
        Members = new GroupMembers(space.Name);
        Rollback = new GroupRollback(_state, Members, records);
        _lanes = new HeapLanes(_state, Members, Rollback);
        Snapshots = new HeapSnapshots(_state, _lanes);
        Groups = new HeapGroups(_state, _lanes, Members, GroupLogs, Rollback);
        _compactor = new Compactor(_state, new BlockOwners());
        _roots = new NamedRoots(_state, _header, _lanes, _compactor, _objects);
        _writer = new ObjectWriter(_lanes, _compactor, records, _objects);
        if (space.IsWritable)
        {
            new HeapAttach(_state, _header, Rollback).Recover();
        }

        new HeapRoots(space).Check(settled: space.IsWritable);
    }

    /// <summary>What this attach found in flight.</summary>
    public HeapRecoveryReport Recovery => _state.Recovery;

    /// <summary>The longest block, in bytes.</summary>
    public const long MaximumBlockLength = HeapFormat.MaximumBlock;

    /// <summary>Names of the roots.</summary>
    public IReadOnlyList<string> Roots
    {
        get
        {
            IReadOnlyList<string> names = new HeapRoots(_state.Space).Names();
            _state.ThrowIfGone(); // Zeros in its place have none.
            return names;
        }
    }

    /// <summary>
    /// True where what is freed is zeroed before the change returns: <see cref="HeapOptions.Erase"/>.
    /// </summary>
    public bool Erases => _header.Erases;

    internal HeapState State => _state;

    internal IHeapSpace Space => _state.Space;

    internal byte* Base => _state.Base;

    internal BlockAllocator Blocks => _blocks ?? _state.Blocks;

    internal ReadOnlySpan<Lane> Lanes => _state.Lanes;

    internal HeapGroups Groups { get; }

    internal HeapSnapshots Snapshots { get; }

    internal GroupLogWriter GroupLogs { get; }

    internal GroupMembers Members { get; }

    internal GroupRollback Rollback { get; }

    internal ulong* RecoveredWord => _state.RecoveredWord;

    internal long FrontierBytes => _state.FrontierBytes;

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
        HeapOpening opening = s_openings.GetOrCreateValue(region.Mapping);
        lock (opening.Gate)
        {
            bool isNew = true;
            if (opening.Space?.TryJoin(region, out isNew) is not true)
            {
                RegionHeapSpace made = new(region);
                opening.Heap = Open(made);
                opening.Space = made; // last: what cannot be opened is not joined
            }

            (RegionHeapSpace space, PersistentHeap heap) = (opening.Space, opening.Heap!);
            if (isNew)
            {
                region.BeforeClose(() => space.Leave(region, heap.Close), () => space.WhenNoneIsLeft(heap.MarkGone));
            }

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

            HeapHeader.Format(space);
        }

        return new PersistentHeap(space);
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

        HeapHeader.Adopt(space);
    }

    /// <summary>Bytes in use and free, as far as known without looking at all blocks.</summary>
    /// <exception cref="HeapDamagedException">What says how far the heap goes does not check.</exception>
    /// <exception cref="ObjectDisposedException">The region was disposed of.</exception>
    public HeapStatistics GetStatistics()
    {
        try
        {
            return Statistics();
        }
        catch (HeapDamagedException)
        {
            _state.ThrowIfGone(); // What does not check are zeros in its place.
            throw;
        }
    }

    private HeapStatistics Statistics()
    {
        if (_blocks is null)
        {
            return new(_state.Space.Length, FrontierBytes, 0);
        }

        (long longest, long inSlabs) = _blocks.Scattered;
        (long blocks, long bytes, long won) = _compactor.Done;
        return new(_state.Space.Length, FrontierBytes, _blocks.KnownFreeBytes)
        {
            LongestFree = longest,
            FreeInSlabs = inSlabs,
            IsScattered = _compactor.IsScattered,
            BlocksMoved = blocks,
            BytesMoved = bytes,
            BytesReclaimed = won,
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
        if (_blocks is null)
        {
            throw ArenaReadOnlyException.OfRegion(_state.Space.Name, "compacting its heap");
        }

        using LaneScope held = _lanes.Hold(out Lane lane);
        return _compactor.Step(lane, limit);
    }

    /// <summary>
    /// Starts a group of changes by this thread: of any dictionaries, roots and objects of this heap. A crash undoes it
    /// as a whole, unless <see cref="AtomicGroup.Commit"/> was reached. Other writers of the heap wait until it ends.
    /// Readers see its changes as they are made, those of a log's entries when they are committed: isolation is read
    /// uncommitted for readers, serializable for writers.
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
    /// Opens the root of that name (1 to 31 bytes of UTF-8), or creates it with <paramref name="initial"/>. What its
    /// fields are is kept with it.
    /// </summary>
    /// <exception cref="HeapLayoutException">There is a root of that name with other fields; it says which.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room for a new one.</exception>
    public PersistentRoot<T> OpenOrCreateRoot<[DynamicallyAccessedMembers(StructShape.Members)] T>(
        string name, in T initial = default)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(name);
        try
        {
            return OpenOrMakeRoot(name, in initial);
        }
        catch (ArenaException)
        {
            _state.ThrowIfGone(); // In zeros there is no root, and in a snapshot none can be made.
            throw;
        }
    }

    private PersistentRoot<T> OpenOrMakeRoot<[DynamicallyAccessedMembers(StructShape.Members)] T>(
        string name, in T initial)
        where T : unmanaged
    {
        RootType type = RootType.Of<T>();
        if (!_roots.Contains(name))
        {
            byte[] value = MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in initial)).ToArray();
            _roots.Create(name, type.Form,
                block => Persist.Copy(_state.At(block) + HeapObjects.HeaderLength, value));
        }

        if (!type.Is(_roots, name, _state.Space) && _state.Space.IsWritable)
        {
            _roots.KeepShape(name, type.Form);
        }

        return new PersistentRoot<T>(_writer, _roots.EntryOf(name));
    }

    /// <summary>
    /// Converts a root from one struct to another, with one store: killed before it, the old one is there. Does nothing
    /// where there is no root of that name, or it is a <typeparamref name="TNew"/> already; so it can stand before
    /// <see cref="OpenOrCreateRoot{T}"/> in each start, one for each older struct.
    /// </summary>
    /// <remarks>
    /// No other thread changes the heap meanwhile. What the old object's fields point to is the new one's: copy the
    /// offsets. What is open of the old root is refused afterwards (<see cref="RootDeletedException"/>). The heap gets
    /// incompat bit 8: a library before this one refuses it then.
    /// </remarks>
    /// <param name="name">The root's name.</param>
    /// <param name="migrate">
    /// Makes the new object of the old one. It may read the heap, and must not change it. What it throws comes out of
    /// this call, and nothing is changed.
    /// </param>
    /// <returns>True where it was converted.</returns>
    /// <exception cref="HeapLayoutException">It is neither of the two.</exception>
    /// <exception cref="AtomicGroupException">This thread has a group open.</exception>
    public bool MigrateRoot<[DynamicallyAccessedMembers(StructShape.Members)] TOld,
        [DynamicallyAccessedMembers(StructShape.Members)] TNew>(string name, RootMigration<TOld, TNew> migrate)
        where TOld : unmanaged
        where TNew : unmanaged
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(migrate);
        RootType newer = RootType.Of<TNew>();
        if (!_roots.Contains(name) || newer.IsThat(_roots, name))
        {
            return false;
        }

        RootType older = RootType.Of<TOld>();
        return AloneOutsideGroups(() =>
        {
            if (!_roots.Contains(name) || newer.IsThat(_roots, name))
            {
                return false; // another thread was faster
            }

            older.Is(_roots, name, _state.Space);
            _roots.Replace(name, newer.Form, (from, to) =>
            {
                TNew value = migrate(in *(TOld*)(_state.At(from) + HeapObjects.HeaderLength));
                Persist.Copy(_state.At(to) + HeapObjects.HeaderLength, new ReadOnlySpan<byte>(&value, sizeof(TNew)));
            });
            return true;
        });
    }

    /// <summary>The object that an offset points to. The reference is good until the object is replaced.</summary>
    /// <exception cref="ArgumentException">It points to nothing, or not to an object of that size.</exception>
    public ref readonly T Read<T>(Offset<T> offset)
        where T : unmanaged => ref *(T*)_objects.Payload(offset.Value, Unsafe.SizeOf<T>(), exactly: true);

    /// <summary>
    /// Protects what is read of objects: until the lease is disposed of, an object that is freed meanwhile, by this
    /// process, stays as it was, and <see cref="Read"/> finds it. Its memory is used again afterwards.
    /// </summary>
    /// <remarks>
    /// Take it before the first field is followed. It keeps no thread waiting; as long as it is open, freed objects add
    /// up. What another process frees, it does not hold: there take a snapshot. Of no effect on a reader that keeps
    /// references beyond it.
    /// </remarks>
    /// <exception cref="InvalidOperationException">The heap erases: what is freed is zeroed at once.</exception>
    public ObjectLease ProtectObjects() => !Erases ? new ObjectLease(_state.KeptObjects)
        : throw new InvalidOperationException($"The heap of region '{Space.Name}' erases what is freed, so that " +
            "readers of objects cannot be protected from it. Copy what is read, or keep writers out with a group.");

    /// <summary>The bytes that an offset points to. The span is good until they are replaced.</summary>
    public ReadOnlySpan<byte> ReadBytes(Offset<byte> offset) => offset.IsNone ? [] : _objects.Bytes(offset.Value);

    /// <summary>
    /// Allocates an object, makes <paramref name="field"/> point to it and frees what it pointed to, all with one
    /// store: after a crash the field has the old object or the new one, and nothing has leaked.
    /// </summary>
    /// <param name="field">A field of an object in this heap.</param>
    /// <param name="value">What the new object holds.</param>
    /// <exception cref="ArgumentException">The field does not lie in this heap.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; nothing was changed.</exception>
    public void Put<T>(in Offset<T> field, in T value)
        where T : unmanaged
    {
        fixed (T* bytes = &value)
        {
            _writer.Replace(_objects.OffsetOf(field), new ReadOnlySpan<byte>(bytes, sizeof(T)), allocate: true);
        }
    }

    /// <summary>As <see cref="Put{T}(in Offset{T}, in T)"/>, for bytes: up to 512 MB.</summary>
    public void PutBytes(in Offset<byte> field, ReadOnlySpan<byte> value) =>
        _writer.Replace(_objects.OffsetOf(field), value, allocate: true);

    /// <summary>
    /// Makes a field point to nothing and frees what it pointed to (not what hangs on that: free it first, from the
    /// leaves).
    /// </summary>
    public void Free<T>(in Offset<T> field)
        where T : unmanaged => _writer.Replace(_objects.OffsetOf(field), [], allocate: false);

    /// <summary>
    /// Allocates an object and makes <paramref name="field"/> point to it, with one store. What the field pointed to
    /// stays: the new object usually points to it, as one that comes in front in a list does.
    /// </summary>
    /// <inheritdoc cref="Put{T}(in Offset{T}, in T)"/>
    public void Insert<T>(in Offset<T> field, in T value)
        where T : unmanaged
    {
        fixed (T* bytes = &value)
        {
            _writer.Replace(_objects.OffsetOf(field), new ReadOnlySpan<byte>(bytes, sizeof(T)), allocate: true,
                keepsOld: true);
        }
    }

    /// <summary>
    /// Makes <paramref name="field"/> point to <paramref name="next"/>, and frees what it pointed to, with one store:
    /// so an object leaves a list, and the one behind it takes its place.
    /// </summary>
    /// <param name="field">A field of an object in this heap that points to an object.</param>
    /// <param name="next">An object of this heap, or none.</param>
    /// <exception cref="ArgumentException">The field does not lie in this heap or points to nothing, or there is no
    /// such object, or it is the one that would be freed.</exception>
    public void Remove<T>(in Offset<T> field, Offset<T> next)
        where T : unmanaged => _writer.Redirect(_objects.OffsetOf(field), next.IsNone ? 0 : _objects.Require(next),
            keepsOld: false);

    /// <summary>
    /// Makes <paramref name="field"/> point to an object that is there, or to none, with one store. Nothing is freed:
    /// what the field pointed to has to be linked elsewhere, or released.
    /// </summary>
    /// <exception cref="ArgumentException">The field does not lie in this heap, or there is no such
    /// object.</exception>
    public void Link<T>(in Offset<T> field, Offset<T> target)
        where T : unmanaged => _writer.Redirect(_objects.OffsetOf(field), target.IsNone ? 0 : _objects.Require(target),
            keepsOld: true);

    /// <summary>
    /// Allocates an object that nothing points to yet, within this thread's atomic group: the group's end without a
    /// commit, or a crash, frees it. <see cref="Link"/> it before the commit: what nothing points to stays in use.
    /// </summary>
    /// <exception cref="AtomicGroupException">This thread has no group open.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; nothing was changed.</exception>
    public Offset<T> Allocate<T>(in T value)
        where T : unmanaged
    {
        fixed (T* bytes = &value)
        {
            return new Offset<T>(_writer.Allocate(new ReadOnlySpan<byte>(bytes, sizeof(T))));
        }
    }

    /// <summary>As <see cref="Allocate{T}"/>, for bytes: up to 512 MB.</summary>
    public Offset<byte> AllocateBytes(ReadOnlySpan<byte> value) => new(_writer.Allocate(value));

    /// <summary>
    /// Frees an object with the commit of this thread's atomic group; until then it is there. Nothing may point to it
    /// by then.
    /// </summary>
    /// <exception cref="AtomicGroupException">This thread has no group open.</exception>
    /// <exception cref="ArgumentException">There is no such object, or it is a root's.</exception>
    public void Release<T>(Offset<T> target)
        where T : unmanaged => _writer.Release(_objects.Require(target));

    /// <summary>
    /// Several changes of one call, all or none: part of this thread's open group, where it has one; else a group.
    /// </summary>
    internal JoinedGroup BeginOrJoin(int changes = 0) => new(Groups, !HasGroup, changes);

    /// <summary>True where this thread has a group open.</summary>
    internal bool HasGroup => _lanes.OpenGroup != 0;

    internal byte* At(long offset) => _state.At(offset);

    /// <inheritdoc cref="NamedRoots.Find"/>
    internal long FindRoot(string name, ulong layoutHash) => _roots.Find(name, layoutHash);

    /// <inheritdoc cref="NamedRoots.Create"/>
    internal long CreateRoot(string name, in RootForm form, Action<long> fill) => _roots.Create(name, form, fill);

    /// <inheritdoc cref="NamedRoots.Contains"/>
    internal bool HasRoot(string name) => _roots.Contains(name);

    /// <inheritdoc cref="NamedRoots.WordOf(string)"/>
    internal long RootWordOf(string name) => _roots.WordOf(name);

    /// <inheritdoc cref="NamedRoots.ShapeOf"/>
    internal StructShape? RootShapeOf(string name) => _roots.ShapeOf(name);

    /// <inheritdoc cref="NamedRoots.Drop"/>
    internal void DropRoot(long slot) => _roots.Drop(slot);

    /// <inheritdoc cref="NamedRoots.Swap"/>
    internal void SwapRoots(string name, string replacement) => _roots.Swap(name, replacement);

    /// <inheritdoc cref="NamedRoots.GiveBack"/>
    internal void GiveRootBack(Lane lane, long slot) => _roots.GiveBack(lane, slot);

    /// <inheritdoc cref="NamedRoots.RequireFeature"/>
    internal void RequireFeature(ulong feature) => _roots.RequireFeature(feature);

    /// <summary>Has a collection asked to move its blocks from now on.</summary>
    internal void AddOwner(IBlockOwner owner) => _compactor.AddOwner(owner);

    /// <summary>A collection was deleted: it has no blocks any more.</summary>
    internal void RemoveOwner(IBlockOwner owner) => _compactor.RemoveOwner(owner);

    /// <inheritdoc cref="Compactor.MakeRoom"/>
    internal bool MakeRoom(Lane lane, long size) => _compactor.MakeRoom(lane, size);

    /// <inheritdoc cref="Compactor.TakeMakingRoom"/>
    internal long TakeMakingRoom(Lane lane, long size) => _compactor.TakeMakingRoom(lane, size);

    /// <inheritdoc cref="Compactor.MakingRoom"/>
    internal T MakingRoom<TState, T>(Lane lane, TState at, Func<TState, T> take) =>
        _compactor.MakingRoom(lane, at, take);

    /// <inheritdoc cref="HeapState.CountInFlight"/>
    internal int CountInFlight() => _state.CountInFlight();

    /// <summary>
    /// Takes a lane for a change. Waits where all are held, and while another thread has the heap for an atomic group.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Lane TakeLane() => _lanes.Take();

    /// <summary>Gives a lane back; a group's lane stays with the group.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void ReleaseLane(Lane lane) => HeapLanes.Give(lane);

    /// <inheritdoc cref="HeapLanes.Alone{T}"/>
    internal T Alone<T>(Func<T> action) => _lanes.Alone(action);

    /// <summary>As <see cref="Alone{T}"/>, and not within a group, which could not take it back.</summary>
    /// <exception cref="AtomicGroupException">This thread has a group open.</exception>
    internal T AloneOutsideGroups<T>(Func<T> action) => !HasGroup ? _lanes.Alone(action)
        : throw AtomicGroupException.Deletes(Space.Name);

    /// <inheritdoc cref="HeapObjects.IsObject"/>
    internal bool IsObject(long offset) => _objects.IsObject(offset);

    /// <inheritdoc cref="HeapLanes.WhileStill"/>
    internal void WhileStill(Action action) => _lanes.WhileStill(action);

    /// <summary>Waits for the changes in flight and refuses later ones.</summary>
    /// <param name="giveBack">
    /// Gives free blocks that lanes keep back to their slabs. Where the region is opened again in the same arena
    /// object, the epoch is the same, and they would be taken for kept until that ends.
    /// </param>
    internal void Close(bool giveBack)
    {
        _lanes.Close();
        Snapshots.EndAll();
        if (giveBack)
        {
            _blocks?.GiveUpCaches();
        }
    }

    /// <summary>
    /// Opens a collection of a heap that is only read. Where the memory goes meanwhile, what does not check are zeros
    /// in its place, and that is said.
    /// </summary>
    internal T OpenToRead<T>(Func<T> open)
    {
        try
        {
            return open();
        }
        catch (ArenaException)
        {
            ThrowIfGone();
            throw;
        }
    }

    /// <summary>The time by which a collection's records expire.</summary>
    internal TimeProvider ClockOf(TimeProvider? own) =>
        own is not null && !ReferenceEquals(own, TimeProvider.System) ? own
        : Space.Instant is { } instant ? new StoppedClock(instant)
        : TimeProvider.System;

    /// <summary>Throws where nobody may change the heap (any more).</summary>
    internal void ThrowIfClosed() => _lanes.ThrowIfClosed();

    /// <inheritdoc cref="HeapState.MarkGone"/>
    internal void MarkGone() => _state.MarkGone();

    /// <inheritdoc cref="HeapState.ThrowIfGone"/>
    internal void ThrowIfGone() => _state.ThrowIfGone();

    /// <summary>Does from now on what the options ask for. What the heap does already stays.</summary>
    private void Apply(HeapOptions options)
    {
        if (options.Erase && !Erases && Space.IsWritable)
        {
            _lanes.Alone(() =>
            {
                _header.Require(HeapFormat.Erasing); // killed before the sweep's end, the next open sweeps
                _state.EraseFromNowOn().Sweep();
            });
        }
    }

    /// <summary>The heap of a mapping, where it is open.</summary>
    private sealed class HeapOpening
    {
        /// <summary>Held while the mapping's heap is opened.</summary>
        public Lock Gate { get; } = new();

        public RegionHeapSpace? Space { get; set; }

        public PersistentHeap? Heap { get; set; }
    }
}
