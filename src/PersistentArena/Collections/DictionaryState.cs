using System.Runtime.CompilerServices;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// What all operations of a dictionary share: its heap, where its table is, the locks, the hash, the clock.
/// </summary>
/// <remarks>
/// <para>An operation uses what stands before it here, and nothing that comes after. Those that keep nothing of their
/// own are static: what is on a hot path costs no more than within one class.</para>
/// <code>
/// DictionaryState      this; BucketLocks, Table
/// RecordChecks         what a slot leads to; Chain, BucketSearch
/// DictionaryReader     reads without a lock; BucketLook
/// DictionaryScan       walks; ForeignScan, beside another process
/// DictionaryRecords    the stores that make a change true
/// DictionaryGroup, RecordMover, ExpirySweep
/// TableSegments, TableGrowth
/// DictionaryWriter     mutations
/// TableGarbage, TableClearing
/// DictionaryCore       opens, and hands on
/// </code>
/// <para>Locks are taken in this order, and a callback of the caller's runs under none but the first and the
/// last:</para>
/// <list type="number">
/// <item>a lane of the heap (or the whole heap, for a group), for any change;</item>
/// <item><see cref="Garbage"/>, to take garbage apart, or to make some;</item>
/// <item><see cref="Growth"/>, to add a bucket or a segment, or to put another table in place. A writer that comes for
/// growth does not wait for it;</item>
/// <item><see cref="Locks"/>, the buckets', all in rising order or one.</item>
/// </list>
/// <para>Invariants:</para>
/// <list type="number">
/// <item>The table changes only under 1 to 4 with all buckets' locks. So under one bucket's lock, or under
/// <see cref="Growth"/>, the table read then is the current one. A table that was read before is looked at no more: it
/// may be another block by now.</item>
/// <item>The number of buckets changes only under <see cref="Growth"/> and the lock of the bucket that is split. So
/// under a bucket's lock its keys stay in it.</item>
/// <item>The garbage word is written under <see cref="Garbage"/>, and is 0 when a table becomes garbage. So no table is
/// forgotten.</item>
/// <item>A bucket's version changes after one of its slots did, and before what the slot held can be used again. So
/// what a reader saw under one version was whole.</item>
/// <item>Versions of a bucket begin where no earlier bucket's have been. So a table that comes to lie where an old one
/// lay is told from it.</item>
/// <item>What another process's recovery frees is covered by <see cref="PersistentHeap.RecoveredWord"/>, which changes
/// before.</item>
/// </list>
/// </remarks>
internal sealed unsafe class DictionaryState
{
    private readonly byte* _base;
    private readonly byte* _root;
    private readonly SipHash _hash;
    private readonly HeapState _heap;

    private RootLife _life;
    private long _length;
    private ulong _tables;

    /// <summary>The state of a dictionary whose root lies there.</summary>
    public DictionaryState(
        PersistentHeap heap, string name, TimeProvider time, long root, RootLife life = default)
    {
        _life = life;
        Heap = heap;
        _heap = heap.State;
        Name = name;
        Time = time;
        Locks = new BucketLocks(heap, name);
        _base = heap.Base;
        _root = _base + root;
        _length = heap.Space.Length;
        _hash = new SipHash(*(ulong*)(_root + DictionaryFormat.Seed0Offset),
            *(ulong*)(_root + DictionaryFormat.Seed1Offset));
        HasChecksums = DictionaryFormat.HasValueChecksums(_root);
        Checksum = HasChecksums ? ValueChecksum.InHeader : 0;
        LongestUnchecked = HasChecksums ? 0UL : RecordFormat.MaximumValueLength;
    }

    public PersistentHeap Heap { get; }

    public string Name { get; }

    public TimeProvider Time { get; }

    public BucketLocks Locks { get; }

    public Lock Growth { get; } = new();

    public Lock Garbage { get; } = new();

    /// <summary>True where each value carries a checksum, which every read checks.</summary>
    public bool HasChecksums { get; }

    /// <summary>What a stored value is longer than its users see, as in a header; 0 without checksums.</summary>
    public ulong Checksum { get; }

    /// <summary>How long a value is at most that is read without a check.</summary>
    public ulong LongestUnchecked { get; }

    // Beside writers the sum of what lanes count is a number near it, and may be below zero.
    public long Count => Math.Max(0, Sum(0));

    public long RecordBytes => Math.Max(0, Sum(1));

    public long ExpiringCount => Math.Max(0, Sum(2));

    /// <summary>The table in force: read anew each time (invariant 1).</summary>
    public Table Current
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(_base, SealedOffset.Get(Volatile.Read(ref *CurrentWord)));
    }

    public ulong* CurrentWord => (ulong*)(_root + DictionaryFormat.CurrentOffset);

    public ulong* GarbageWord => (ulong*)(_root + DictionaryFormat.GarbageOffset);

    /// <summary>The root's offset.</summary>
    public long Root => OffsetOf(_root);

    /// <summary>The region's length, as far as it was looked up.</summary>
    public long Length => _length;

    private long Now => Time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>True where another process writes.</summary>
    public bool IsForeign => !Heap.Space.IsWritable;

    /// <summary>What readers add to a version (invariant 6).</summary>
    /// <inheritdoc cref="RootLife.Recovered"/>
    public ulong Recovered
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _life.Recovered;
    }

    /// <inheritdoc cref="RootLife.IsEnded"/>
    public bool IsEnded => _life.IsEnded;

    /// <summary>
    /// Where the versions of new buckets begin: no earlier writer, and no earlier table of this one, has come so far
    /// (invariant 5).
    /// </summary>
    public ulong FirstVersion => (Heap.Space.Epoch << 40) + (_tables << 20);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* At(long offset) => _base + offset;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public long OffsetOf(void* at) => (byte*)at - _base;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Hash(ReadOnlySpan<byte> key) => _hash.Hash(key);

    /// <summary>True where the hash is keyed with that seed. For checks.</summary>
    public bool HashesWith(UInt128 seed) => *(ulong*)(_root + DictionaryFormat.Seed0Offset) == (ulong)seed
        && *(ulong*)(_root + DictionaryFormat.Seed1Offset) == (ulong)(seed >> 64);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsExpired(long expiresAt) => expiresAt != RecordView.NoExpiry && expiresAt <= Now;

    /// <summary>The table in force, for a change under its bucket's lock.</summary>
    public Table TableUnderLock(ulong hash)
    {
        Invariant.Holds(Locks.IsEntered(hash), 2);
        return Current;
    }

    /// <summary>
    /// Tells readers that what they saw of this bucket may be gone: stored before anything it reached is free
    /// (invariant 4).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Bump(ulong* bucket) => Persist.Publish(bucket + Slot.Version, bucket[Slot.Version] + 1);

    /// <summary>A new table is made: its buckets' versions begin above those of the one before.</summary>
    public void CountTable() => _tables++;

    /// <summary>True where so many bytes lie in the region, which another process may have made larger.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsInside(long offset, long length) =>
        (offset > 0 && offset + length <= _length) || Regrown(offset, length);

    /// <summary>The same, once the region's length was looked up again.</summary>
    public bool Regrown(long offset, long length)
    {
        _length = Heap.Space.Follow();
        return offset > 0 && offset + length <= _length;
    }

    /// <inheritdoc cref="HeapState.ThrowIfGone"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void ThrowIfGone()
    {
        _heap.ThrowIfGone();
        _ = _life.Recovered;
    }

    /// <summary>
    /// The dictionary was deleted: each look and each change is told so from now on. The heap is the caller's alone.
    /// </summary>
    public void End()
    {
        _life.End();
        Locks.Close();
    }

    /// <exception cref="ObjectDisposedException">
    /// The region was unmapped meanwhile: what does not check are zeros in its place.
    /// </exception>
    public HeapDamagedException Damaged(long offset, string what)
    {
        ThrowIfGone();
        return new(Heap.Space.Name, offset, what);
    }

    public ulong Buckets()
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
                ThrowIfGone();
                return sum;
            }
        }
    }
}
