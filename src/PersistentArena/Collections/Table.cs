using System.Numerics;
using System.Runtime.CompilerServices;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// A hash table's head, where it lies: the number of buckets, the counters of each lane, and the segments that hold the
/// buckets.
/// </summary>
/// <remarks>
/// Linear hashing: with n buckets and L = floor(log2 n), a key's bucket is its hash modulo 2^(L+1), or modulo 2^L where
/// that bucket is not there yet. Adding bucket n moves keys from bucket n - 2^L only. Segments double every eighth, so
/// 256 of them are enough for 2^41 buckets and at most an eighth is unused.
/// </remarks>
internal readonly unsafe struct Table(byte* heap, long offset)
{
    public const int SegmentCount = 256;
    public const long InitialBuckets = 1024;
    public const int BucketLength = 64;

    /// <summary>What 256 segments have room for.</summary>
    public const ulong MaximumBuckets = 1UL << 41;

    /// <summary>Room before a segment's first bucket, so that buckets are cache lines.</summary>
    public const int SegmentHeader = 64;

    private const int BucketsOffset = 64;
    private const int BucketsCopyOffset = 72;
    private const uint BucketsSeed = 0x4255_434B;
    private const int CountersOffset = 256;
    private const int CountersLength = 64;
    private const int SegmentsOffset = CountersOffset + (HeapFormat.LaneCount * CountersLength);
    public const int Size = SegmentsOffset + (SegmentCount * sizeof(ulong));

    // The first eight segments hold InitialBuckets each.
    private const int BaseShift = 13;

    private readonly byte* _heap = heap;
    private readonly byte* _head = heap + offset;

    public long Offset => _head - _heap;

    public bool IsSame(Table other) => _head == other._head;

    /// <summary>The word that publishes growth.</summary>
    public ulong* BucketsWord => (ulong*)(_head + BucketsOffset);

    public ulong Buckets
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Volatile.Read(ref *BucketsWord);
    }

    /// <summary>
    /// Behind the number of buckets its copy, sealed: an attach sees by it that the number is intact. It follows each
    /// growth as the intent's second word.
    /// </summary>
    public ulong* BucketsCopyWord => (ulong*)(_head + BucketsCopyOffset);

    /// <summary>
    /// What the copy holds. The word has room for 32 bits; what is above them takes part in the check.
    /// </summary>
    public static ulong BucketsCopy(ulong buckets) =>
        SealedWord.Seal((uint)buckets, BucketsSeed + (uint)(buckets >> 32));

    /// <summary>Keys, bytes and expiring keys as changed by one lane; the sum over all lanes is the truth.</summary>
    public ulong* Counters(int lane) => (ulong*)(_head + CountersOffset + (lane * CountersLength));

    /// <summary>A change of a lane's counters, as part of an intent.</summary>
    public void Tally(ref Intent intent, Lane lane, long keys, long bytes, long expiring)
    {
        if ((keys | bytes | expiring) != 0)
        {
            ulong* counters = Counters(lane.Index);
            intent.Counters = (byte*)counters - _heap;
            intent.Keys = (long)counters[0] + keys;
            intent.Bytes = (long)counters[1] + bytes;
            intent.Expiring = (long)counters[2] + expiring;
        }
    }

    /// <summary>The word that leads to a segment: a sealed offset.</summary>
    public ulong* Segment(int index) => (ulong*)(_head + SegmentsOffset) + index;

    /// <summary>Where a segment lies; 0 where it is not there.</summary>
    public long SegmentAt(int index) => SealedOffset.Get(*Segment(index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong IndexOf(ulong hash, ulong buckets)
    {
        // Without a branch, which no processor could foretell: half is a bit of every index that is not there yet.
        ulong half = 1UL << BitOperations.Log2(buckets);
        ulong index = hash & ((half << 1) - 1);
        return index - (half & (ulong)((long)(buckets - 1 - index) >> 63));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong* Bucket(ulong index)
    {
        ulong x = index + (1UL << BaseShift);
        int log = BitOperations.Log2(x);
        int segment = ((log - BaseShift) << 3) + (int)((x >> (log - 3)) & 7);
        ulong within = x & ((1UL << (log - 3)) - 1);
        return (ulong*)(_heap + SegmentAt((byte)segment) + SegmentHeader + (within * BucketLength));
    }

    public static int SegmentOf(ulong index)
    {
        ulong x = index + (1UL << BaseShift);
        int log = BitOperations.Log2(x);
        return ((log - BaseShift) << 3) + (int)((x >> (log - 3)) & 7);
    }

    public static long SegmentBytes(int segment) =>
        SegmentHeader + ((1L << ((segment >> 3) + BaseShift - 3)) * BucketLength);

    public long Sum(int counter)
    {
        long sum = 0;
        for (int lane = 0; lane < HeapFormat.LaneCount; lane++)
        {
            sum += (long)Volatile.Read(ref Counters(lane)[counter]);
        }

        return sum;
    }
}
