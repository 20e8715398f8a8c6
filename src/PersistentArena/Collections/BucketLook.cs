using System.Runtime.CompilerServices;

namespace GuestMemFs.Collections;

/// <summary>What a reader saw of a bucket, and of the way there, before it looked into it.</summary>
internal readonly unsafe struct BucketLook(Table table, ulong buckets, ulong* bucket, ulong version)
{
    public readonly Table Table = table;
    public readonly ulong Buckets = buckets;
    public readonly ulong* Bucket = bucket;
    public readonly ulong Version = version;

    /// <summary>A look at a key's bucket.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static BucketLook At(DictionaryState state, ulong hash)
    {
        ulong recovered = state.Recovered; // before all else: what was seen under another writer does not count
        Table table = state.Current;
        ulong buckets = table.Buckets;
        ulong* bucket = table.Bucket(Table.IndexOf(hash, buckets));
        return (ulong)state.OffsetOf(bucket) <= (ulong)(state.Length - Table.BucketLength)
            ? new BucketLook(table, buckets, bucket, Volatile.Read(ref bucket[Slot.Version]) + recovered)
            : Again(state, hash);
    }

    /// <summary>
    /// True where nothing has changed since that could have freed what was read, or moved what was not found.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsStill(DictionaryState state, ulong hash)
    {
        Volatile.ReadBarrier();
        ulong buckets = Table.Buckets;
        return Bucket[Slot.Version] + state.Recovered == Version
            && (buckets == Buckets || Table.IndexOf(hash, buckets) == Table.IndexOf(hash, Buckets))
            && Table.IsSame(state.Current);
    }

    // Attaching has checked where all buckets lie: one outside is of a region that another process has made larger
    // since, and is followed, or of a table that was replaced while it was looked at.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static BucketLook Again(DictionaryState state, ulong hash)
    {
        while (true)
        {
            ulong recovered = state.Recovered;
            Table table = state.Current;
            ulong buckets = table.Buckets;
            ulong* bucket = table.Bucket(Table.IndexOf(hash, buckets));
            long offset = state.OffsetOf(bucket);
            if ((ulong)offset <= (ulong)(state.Length - Table.BucketLength)
                || state.Regrown(offset, Table.BucketLength))
            {
                return new BucketLook(table, buckets, bucket, Volatile.Read(ref bucket[Slot.Version]) + recovered);
            }

            Volatile.ReadBarrier();
            if (table.IsSame(state.Current) && recovered == state.Recovered)
            {
                throw state.Damaged(offset, "a bucket lies behind the region's end");
            }
        }
    }
}
