using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// What all operations of a dictionary share: where its table is, the locks, the hash, the clock. The operations are in
/// the files beside this one: reading, mutation, removal, growth, clearing, groups, scan.
/// </summary>
/// <remarks>
/// <para>Locks are taken in this order, and a callback of the caller's runs under none but the first and the
/// last:</para>
/// <list type="number">
/// <item>a lane of the heap (or the whole heap, for a group): whoever changes anything;</item>
/// <item><see cref="_garbage"/>: whoever takes garbage apart, or makes some;</item>
/// <item><see cref="_growth"/>: whoever adds a bucket or a segment, or puts another table in place. A writer that comes
/// for growth does not wait for it;</item>
/// <item>the buckets' locks, all in rising order or one.</item>
/// </list>
/// <para>Invariants:</para>
/// <list type="number">
/// <item>The table changes only under 1 to 4 with all buckets' locks. So under one bucket's lock, or under
/// <see cref="_growth"/>, the table read then is the current one. A table that was read before is looked at no more: it
/// may be another block by now.</item>
/// <item>The number of buckets changes only under <see cref="_growth"/> and the lock of the bucket that is split. So
/// under a bucket's lock its keys stay in it.</item>
/// <item>The garbage word is written under <see cref="_garbage"/>, and is 0 when a table becomes garbage. So no table
/// is forgotten.</item>
/// <item>A bucket's version changes after one of its slots did, and before what the slot held can be used again. So
/// what a reader saw under one version was whole.</item>
/// <item>Versions of a bucket begin where no earlier bucket's have been. So a table that comes to lie where an old one
/// lay is told from it.</item>
/// <item>What another process's recovery frees is covered by <see cref="PersistentHeap.RecoveredWord"/>, which changes
/// before.</item>
/// <item>A slot that is replaced or emptied leads to the record that was found under the bucket's lock, and that one is
/// allocated. So what is freed is what the slot led to.</item>
/// </list>
/// </remarks>
internal sealed unsafe partial class DictionaryCore : IGroupMember
{
    private readonly PersistentHeap _heap;
    private readonly byte* _base;
    private readonly byte* _root;
    private readonly SipHash _hash;
    private readonly TimeProvider _time;
    private readonly string _name;

    // A lock for all buckets that share their low ten bits, so that a bucket and the one it is split into share theirs.
    private readonly int[] _locks = GC.AllocateArray<int>((int)Table.InitialBuckets, pinned: true);
    private readonly Lock _growth = new();

    // Where readers of another process's heap look whether that process died; null where this one writes.
    private readonly ulong* _recovered;

    // What a stored value is longer than its users see; and how long one is at most that is read without a check.
    private readonly ulong _checksum;
    private readonly ulong _longestUnchecked;

    private DictionaryCore(PersistentHeap heap, string name, TimeProvider time, bool checksums)
    {
        _heap = heap;
        _name = name;
        _base = heap.Base;
        _time = time;
        _segmentsAhead = new BackingAhead(heap.Space);
        _recovered = heap.Space.IsWritable ? null : heap.RecoveredWord;
        long root = heap.FindRoot(name, DictionaryFormat.Layout);
        if (root == 0)
        {
            root = Create(checksums);
        }

        _length = heap.Space.Length;
        _root = _base + root;
        CheckRoot(root);
        HasChecksums = DictionaryFormat.HasValueChecksums(_root);
        _checksum = HasChecksums ? ValueChecksum.InHeader : 0;
        _longestUnchecked = HasChecksums ? 0UL : PersistentDictionary.MaximumValueLength;
        _hash = new SipHash(*(ulong*)(_root + DictionaryFormat.Seed0Offset),
            *(ulong*)(_root + DictionaryFormat.Seed1Offset));
        if (heap.Space.IsWritable)
        {
            Recover();
            heap.AddOwner(this);
        }
        else if (*CurrentWord == 0)
        {
            throw ArenaReadOnlyException.OfRegion(heap.Space.Name,
                $"finishing the dictionary '{name}', whose creation was interrupted,");
        }
        else
        {
            TableCheck.Run(heap.Space, OffsetOf(CurrentWord), whole: true);
        }
    }

    /// <summary>Opens a dictionary or creates it; the open one, where this heap has it open.</summary>
    /// <param name="heap">The heap.</param>
    /// <param name="name">The root's name.</param>
    /// <param name="time">The clock; none for whichever it has.</param>
    /// <param name="checksums">True for values with a checksum, where the dictionary is created.</param>
    public static DictionaryCore Open(PersistentHeap heap, string name, TimeProvider? time, bool checksums) =>
        !heap.Space.IsWritable ? new DictionaryCore(heap, name, time ?? TimeProvider.System, checksums)
        : FindOpen(heap, name, time) ?? heap.Alone(() =>
        {
            if (FindOpen(heap, name, time) is { } open)
            {
                return open;
            }

            DictionaryCore core = new(heap, name, time ?? TimeProvider.System, checksums);
            heap.Groups.Join(core.OffsetOf(core._root), core);
            return core;
        });

    public PersistentHeap Heap => _heap;

    /// <summary>True where each value carries a checksum, which every read checks.</summary>
    public bool HasChecksums { get; }

    // Beside writers the sum of what lanes count is a number near it, and may be below zero.
    public long Count => Math.Max(0, Sum(0));

    public long RecordBytes => Math.Max(0, Sum(1));

    public long ExpiringCount => Math.Max(0, Sum(2));

    private Table Current
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(_base, SealedOffset.Get(Volatile.Read(ref *CurrentWord)));
    }

    private ulong* CurrentWord => (ulong*)(_root + DictionaryFormat.CurrentOffset);

    private ulong* GarbageWord => (ulong*)(_root + DictionaryFormat.GarbageOffset);

    private long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Hash(ReadOnlySpan<byte> key) => _hash.Hash(key);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void PrefetchBucket(ulong hash)
    {
        if (Sse.IsSupported)
        {
            Table table = Current;
            Sse.Prefetch0(table.Bucket(Table.IndexOf(hash, table.Buckets)));
        }
    }

    /// <summary>True where the hash is keyed with that seed. For checks.</summary>
    public bool HashesWith(UInt128 seed) => *(ulong*)(_root + DictionaryFormat.Seed0Offset) == (ulong)seed
        && *(ulong*)(_root + DictionaryFormat.Seed1Offset) == (ulong)(seed >> 64);

    private static DictionaryCore? FindOpen(PersistentHeap heap, string name, TimeProvider? time)
    {
        long root = heap.FindRoot(name, DictionaryFormat.Layout);
        DictionaryCore? open = root == 0 ? null : (DictionaryCore?)heap.Groups.Find(root);
        return open is null || time is null || ReferenceEquals(open._time, time) ? open
            : throw new DictionaryOptionsException(heap.Space.Name, name);
    }

    // Of the table that is there after it was read (invariant 1).
    private long Sum(int counter)
    {
        while (true)
        {
            Table table = Current;
            long sum = table.Sum(counter);
            Volatile.ReadBarrier();
            if (table.IsSame(Current))
            {
                _heap.ThrowIfGone();
                return sum;
            }
        }
    }

    private ulong Buckets()
    {
        while (true)
        {
            Table table = Current;
            ulong buckets = table.Buckets;
            Volatile.ReadBarrier();
            if (table.IsSame(Current))
            {
                return buckets;
            }
        }
    }

    private bool IsExpired(long expiresAt) => expiresAt != RecordView.NoExpiry && expiresAt <= Now;

    private long OffsetOf(void* at) => (byte*)at - _base;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Enter(ulong hash)
    {
        ref int gate = ref _locks[hash & (Table.InitialBuckets - 1)];
        int me = ThreadNumber.Current;
        if (Interlocked.CompareExchange(ref gate, me, 0) != 0)
        {
            Gate.Wait(ref gate, me, _heap, takesSeveral: _clearing == me);
        }
    }

    private bool IsEntered(ulong hash) => _locks[hash & (Table.InitialBuckets - 1)] == ThreadNumber.Current;

    private bool Leads(ulong* slot, byte* record) =>
        Slot.Offset(*slot) == OffsetOf(record) && BlockHeader.IsAllocated(*(ulong*)record);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Leave(ulong hash) => Volatile.Write(ref _locks[hash & (Table.InitialBuckets - 1)], 0);

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

    /// <summary>
    /// Tells readers that what they saw of this bucket may be gone: stored before anything it reached is free.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Bump(ulong* bucket) => Persist.Publish(bucket + Slot.Version, bucket[Slot.Version] + 1);

    /// <summary>A counter change of this lane, as part of an intent.</summary>
    private void Tally(ref Intent intent, Table table, Lane lane, long keys, long bytes, long expiring)
    {
        if ((keys | bytes | expiring) != 0)
        {
            ulong* counters = table.Counters(lane.Index);
            intent.Counters = OffsetOf(counters);
            intent.Keys = (long)counters[0] + keys;
            intent.Bytes = (long)counters[1] + bytes;
            intent.Expiring = (long)counters[2] + expiring;
        }
    }

    private static long Taken(ulong header) => SizeClasses.Taken(RecordFormat.Length(header));

    private long Create(bool checksums)
    {
        ulong options = checksums ? DictionaryFormat.ValueChecksums : 0;
        ulong header = BlockHeader.Sized(BlockHeader.TypeDictionary, DictionaryFormat.Size);
        ulong feature = checksums ? HeapFormat.ValueChecksums : 0;
        RootForm form = new(DictionaryFormat.Layout, DictionaryFormat.Size, header, feature);
        return _heap.CreateRoot(_name, form, root => FillRoot(root, options));
    }

    private void FillRoot(long root, ulong options)
    {
        UInt128 seed = _heap.Space.Seed;
        byte* at = _base + root;
        Persist.Fill(at + sizeof(ulong), DictionaryFormat.Size - sizeof(ulong), 0);
        Persist.Store((ulong*)(at + DictionaryFormat.Seed0Offset), (ulong)seed);
        Persist.Store((ulong*)(at + DictionaryFormat.Seed1Offset), (ulong)(seed >> 64));
        if (options != 0)
        {
            Persist.Store((ulong*)(at + DictionaryFormat.OptionsOffset), options);
        }

        ulong check = DictionaryFormat.SeedCheck((ulong)seed, (ulong)(seed >> 64), options);
        Persist.Store((ulong*)(at + DictionaryFormat.SeedCheckOffset), check);
    }

    private void CheckRoot(long root)
    {
        bool intact = *(ulong*)_root == BlockHeader.Sized(BlockHeader.TypeDictionary, DictionaryFormat.Size)
            && DictionaryFormat.IsIntact(_root);
        if (!Guard.Holds(intact))
        {
            throw Damaged(root, "the root of a dictionary does not check");
        }
    }

    /// <summary>The record that a slot leads to. Under the bucket's lock, or where nothing changes.</summary>
    /// <exception cref="HeapDamagedException">It leads to none.</exception>
    private byte* RecordOf(ulong slot, out ulong header)
    {
        if (TryRecord(slot, out byte* record, out header))
        {
            return record;
        }

        throw Damaged(Slot.Offset(slot), "a slot leads here, where there is no record");
    }

    /// <summary>
    /// A record as its users see it. Where it carries a checksum, that was found right or does not matter.
    /// </summary>
    private RecordView View(byte* record, ulong header) => RecordView.Of(record, header - _checksum);

    /// <summary>
    /// False where the record's checksum is wrong; <see cref="ValueChecksum.Holds"/> says what that is worth.
    /// </summary>
    private bool IsSound(byte* record, ulong header, ulong hash) =>
        _checksum == 0 || Guard.Holds(ValueChecksum.Holds(record, header, hash));

    /// <summary>
    /// As <see cref="IsSound(byte*, ulong, ulong)"/>, of a record that was not looked for by its key.
    /// </summary>
    private bool IsSound(byte* record, ulong header) =>
        _checksum == 0 || IsSound(record, header, Hash(RecordFormat.Key(record, header)));

    /// <exception cref="ValueDamagedException">The record's checksum is wrong. Under the bucket's lock.</exception>
    private void ThrowIfUnsound(byte* record, ulong header)
    {
        if (!IsSound(record, header))
        {
            throw DamagedValue(record, Hash(RecordFormat.Key(record, header)));
        }
    }

    private ValueDamagedException DamagedValue(byte* record, ulong hash)
    {
        _heap.ThrowIfGone();
        return new(_heap.Space.Name, _name, hash, OffsetOf(record));
    }

    private bool TryRecord(ulong slot, out byte* record, out ulong header)
    {
        long offset = Slot.Offset(slot);
        record = _base + offset;
        header = 0;
        if (!Guard.Holds(IsInside(offset, sizeof(ulong))))
        {
            return false;
        }

        header = Volatile.Read(ref *(ulong*)record);
        return Guard.Holds(RecordFormat.IsIntact(header) && RecordFormat.IsRecord(header))
            && Guard.Holds(IsInside(offset, RecordFormat.Length(header)));
    }

    /// <summary>The node that a link leads to.</summary>
    /// <exception cref="HeapDamagedException">It leads to no overflow block.</exception>
    internal ulong* Follow(ulong link) =>
        TryFollow(link, out ulong* node) ? node
            : throw Damaged(Slot.Offset(link), "a link leads here, where there is no overflow block");

    private bool TryFollow(ulong link, out ulong* node)
    {
        long offset = Slot.Offset(link);
        node = Chain.Follow(_base, link);
        return Guard.Holds(IsInside(offset, Table.BucketLength))
            && Guard.Holds(Volatile.Read(ref *(ulong*)(_base + offset)) == BlockHeader.Sized(BlockHeader.TypeOverflow,
                Table.BucketLength));
    }

    /// <exception cref="ObjectDisposedException">
    /// The region was unmapped meanwhile: what does not check are zeros in its place.
    /// </exception>
    internal HeapDamagedException Damaged(long offset, string what)
    {
        _heap.ThrowIfGone();
        return new(_heap.Space.Name, offset, what);
    }

    // Called with no lock of the dictionary, at times from within growth or clearing: what is no more the table by the
    // end is nobody's to judge.
    private void CheckSegments()
    {
        Table table = Current;
        try
        {
            TableCheck.Segments(_heap.Space, table);
        }
        catch (HeapDamagedException) when (!table.IsSame(Current))
        {
            CheckSegments();
        }
    }

    /// <summary>Ends what a crash left half done: an empty root, a split, groups that were not committed.</summary>
    private void Recover()
    {
        if (*CurrentWord == 0)
        {
            Lane lane = _heap.TakeLane();
            InstallTable(lane);
            PersistentHeap.ReleaseLane(lane);
        }

        TableCheck.Run(_heap.Space, OffsetOf(CurrentWord), whole: true);
        if (*GarbageWord != 0)
        {
            TableCheck.Run(_heap.Space, OffsetOf(GarbageWord), whole: false);
            TableCheck.Segments(_heap.Space, new Table(_base, SealedOffset.Get(*GarbageWord)));
        }

        _heap.Blocks.BeforeSearch(CheckSegments);
        CleanLastSplit();
        if (_heap.Erases)
        {
            Lane lane = _heap.TakeLane();
            try
            {
                CollectGarbage(lane, long.MaxValue); // a clear that a crash interrupted
            }
            finally
            {
                PersistentHeap.ReleaseLane(lane);
            }
        }

        _heap.Groups.RollBackParked(OffsetOf(_root), this);
    }
}
