using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// Reading without locks: find the record, let the reader copy, then see whether the bucket's version, the bucket's
/// place and the table are what they were. A writer changes the version before it frees anything, so bytes that passed
/// the test are a record that was whole and current.
/// </summary>
internal sealed unsafe partial class DictionaryCore
{
    private const int BatchLength = 16;

    /// <summary>Looks before a reader keeps writers out.</summary>
    private const int MaximumLooks = 1000;

    public bool TryRead<TReader>(ReadOnlySpan<byte> key, ulong hash, ref TReader reader)
        where TReader : struct, IRecordReader, allows ref struct
    {
        for (int looks = 0; looks < MaximumLooks; looks++)
        {
            Look look = LookAt(hash);
            RecordView record = Find(look.Bucket, hash, key);
            if (record.Exists)
            {
                reader.Read(record);
            }

            if (IsStill(look, hash))
            {
                return record.Exists || Absent(record, look.Bucket, hash);
            }
        }

        return ReadLocked(key, hash, ref reader);
    }

    /// <summary>
    /// What comes after many looks that did not hold: writers are kept out of the bucket. So a reader comes to an end;
    /// and one whose callback changes what it reads, to an exception.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool ReadLocked<TReader>(ReadOnlySpan<byte> key, ulong hash, ref TReader reader)
        where TReader : struct, IRecordReader, allows ref struct
    {
        Enter(hash);
        try
        {
            Look look;
            RecordView record;
            do
            {
                look = LookAt(hash);
                record = Find(look.Bucket, hash, key);
                if (record.Exists)
                {
                    reader.Read(record);
                }
            }
            while (!IsStill(look, hash)); // a writer in another process takes no lock of this one
            return record.Exists || Absent(record, look.Bucket, hash);
        }
        finally
        {
            Leave(hash);
        }
    }

    public void ReadMany<TReader>(ref TReader reader)
        where TReader : struct, IBatchReader, allows ref struct
    {
        ulong* hashes = stackalloc ulong[BatchLength];
        int count = reader.Count;
        for (int start = 0; start < count; start += BatchLength)
        {
            int batch = Math.Min(BatchLength, count - start);
            for (int i = 0; i < batch; i++)
            {
                hashes[i] = Hash(reader.KeyAt(start + i));
                PrefetchBucket(hashes[i]);
            }

            for (int i = 0; i < batch; i++)
            {
                PrefetchRecord(hashes[i]);
            }

            for (int i = 0; i < batch; i++)
            {
                ReadOne(ref reader, start + i, hashes[i]);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void ReadOne<TReader>(ref TReader reader, int index, ulong hash)
        where TReader : struct, IBatchReader, allows ref struct
    {
        for (int looks = 0; looks < MaximumLooks; looks++)
        {
            Look look = LookAt(hash);
            RecordView record = Find(look.Bucket, hash, reader.KeyAt(index));
            reader.Read(index, record);
            if (IsStill(look, hash))
            {
                _ = record.Exists || Absent(record, look.Bucket, hash);
                return;
            }
        }

        ReadOneLocked(ref reader, index, hash);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ReadOneLocked<TReader>(ref TReader reader, int index, ulong hash)
        where TReader : struct, IBatchReader, allows ref struct
    {
        Enter(hash);
        try
        {
            Look look;
            RecordView record;
            do
            {
                look = LookAt(hash);
                record = Find(look.Bucket, hash, reader.KeyAt(index));
                reader.Read(index, record);
            }
            while (!IsStill(look, hash));
            _ = record.Exists || Absent(record, look.Bucket, hash);
        }
        finally
        {
            Leave(hash);
        }
    }

    /// <summary>What a reader saw before it looked.</summary>
    private readonly struct Look(Table table, ulong buckets, ulong* bucket, ulong version)
    {
        public readonly Table Table = table;
        public readonly ulong Buckets = buckets;
        public readonly ulong* Bucket = bucket;
        public readonly ulong Version = version;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Look LookAt(ulong hash)
    {
        ulong recovered = Recovered; // before all else: what was seen under another writer does not count
        Table table = Current;
        ulong buckets = table.Buckets;
        ulong* bucket = table.Bucket(Table.IndexOf(hash, buckets));
        return (ulong)OffsetOf(bucket) <= (ulong)(_length - Table.BucketLength)
            ? new Look(table, buckets, bucket, Volatile.Read(ref bucket[Slot.Version]) + recovered)
            : LookAgain(hash);
    }

    // Both only rise, so their sum is the same where both are.
    private ulong Recovered
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _recovered == null ? 0 : Volatile.Read(ref *_recovered);
    }

    /// <summary>
    /// True where nothing has changed since that could have freed what was read, or moved what was not found.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsStill(in Look look, ulong hash)
    {
        Volatile.ReadBarrier();
        ulong buckets = look.Table.Buckets;
        return look.Bucket[Slot.Version] + Recovered == look.Version
            && (buckets == look.Buckets || Table.IndexOf(hash, buckets) == Table.IndexOf(hash, look.Buckets))
            && look.Table.IsSame(Current);
    }

    /// <summary>Brings the record near that the bucket, already near, points to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void PrefetchRecord(ulong hash)
    {
        if (Sse.IsSupported)
        {
            Table table = Current;
            ulong* bucket = table.Bucket(Table.IndexOf(hash, table.Buckets));
            // the table may have been replaced meanwhile
            bool inside = (ulong)OffsetOf(bucket) <= (ulong)(_length - Table.BucketLength);
            uint matches = inside ? Slot.Matches(bucket, Slot.Tag(hash)) : 0;
            if (matches != 0)
            {
                byte* record = _base + Slot.Offset(bucket[BitOperations.TrailingZeroCount(matches)]);
                Sse.Prefetch0(record);
                Sse.Prefetch0(record + 64);
            }
        }
    }

    /// <summary>
    /// The record of a key that has not expired, or none. Without the bucket's lock, what it says holds only if the
    /// look still does. The common case, a plain record in the first slot with the key's tag, is kept short, and the
    /// key and the value are reached without waiting for the header: a processor that sees the end of one read from
    /// within its window begins the next one's misses early.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private RecordView Find(ulong* bucket, ulong hash, ReadOnlySpan<byte> key)
    {
        ulong tag = Slot.Tag(hash);
        uint matches = Slot.Matches(bucket, tag);
        if (matches != 0)
        {
            long offset = Slot.Offset(bucket[BitOperations.TrailingZeroCount(matches)]);
            long room = _length - RecordFormat.PlainKeyOffset - key.Length - offset;
            if (Guard.Holds(room >= 0))
            {
                byte* record = _base + offset;
                ulong header = *(ulong*)record;
                if (Guard.Holds(RecordFormat.IsPlain(header, key.Length))
                    && header >> 32 <= Math.Min((ulong)room, _longestUnchecked)
                    && new ReadOnlySpan<byte>(record + RecordFormat.PlainKeyOffset, key.Length).SequenceEqual(key))
                {
                    return RecordView.WithValueAt(record + RecordFormat.PlainKeyOffset + key.Length, header);
                }
            }
        }

        return FindSlow(bucket, hash, key);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private RecordView FindSlow(ulong* bucket, ulong hash, ReadOnlySpan<byte> key)
    {
        byte* record = FindIn(bucket, Slot.Tag(hash), key, out ulong header, out _);
        return record == null ? (header == 0 ? default : RecordView.Damaged)
            : !IsSound(record, header, hash) ? RecordView.DamagedAt(record)
            : IsExpired(RecordFormat.ExpiresAt(record, header)) ? default : View(record, header);
    }

    /// <summary>False, for a record that was not found by a look that still holds.</summary>
    /// <exception cref="HeapDamagedException">It may be there, and damage hides it.</exception>
    /// <exception cref="ValueDamagedException">It is there, and its checksum is wrong.</exception>
    private bool Absent(in RecordView record, ulong* bucket, ulong hash)
    {
        _heap.ThrowIfGone();
        return !record.IsDamaged ? false
            : record.DamagedRecord == null ? throw DamagedBucket(bucket)
            : throw DamagedValue(record.DamagedRecord, hash);
    }

    /// <summary>
    /// The record of a key, or null; then <paramref name="header"/> says whether something was met that cannot be: not
    /// 0 is damage, where the bucket's lock is held or the look still holds. The key may be behind it, so nobody must
    /// take it for absent.
    /// </summary>
    private byte* FindIn(ulong* node, ulong tag, ReadOnlySpan<byte> key, out ulong header, out ulong* slot)
    {
        bool strange = false;
        for (int links = 0; ; links++)
        {
            for (uint matches = Slot.Matches(node, tag); matches != 0; matches &= matches - 1)
            {
                int i = BitOperations.TrailingZeroCount(matches);
                ulong entry = Volatile.Read(ref node[i]);
                if (!TryRecord(entry, out byte* record, out header))
                {
                    strange |= Slot.HasTag(entry, tag);
                }
                else if (RecordFormat.Key(record, header).SequenceEqual(key))
                {
                    slot = node + i;
                    return record;
                }
                else
                {
                    // Two keys may share a tag. And a writer that has not changed the version yet may have put
                    // something else into the slot since its tag was seen.
                    strange |= Slot.HasTag(entry, tag) && Slot.Tag(Hash(RecordFormat.Key(record, header))) != tag;
                }
            }

            ulong last = Volatile.Read(ref node[Slot.Last]);
            if (!Slot.IsLink(last))
            {
                break;
            }

            if (!TryFollow(last, out node) || links >= Chain.MaximumLinks)
            {
                // A reader without a lock may be led in a circle by reused memory: it has to come to an end first.
                strange = true;
                break;
            }
        }

        header = strange ? 1UL : 0;
        slot = null;
        return null;
    }

    private HeapDamagedException DamagedBucket(ulong* bucket) => Damaged(OffsetOf(bucket),
        "a slot of the bucket here, or of its overflow blocks, does not lead to a record of its own");

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsInside(long offset, long length) =>
        (offset > 0 && offset + length <= _length) || Regrown(offset, length);

    private bool Regrown(long offset, long length)
    {
        _length = _heap.Space.Follow();
        return offset > 0 && offset + length <= _length;
    }

    // Attaching has checked where all buckets lie: one outside is of a region that another process has made larger
    // since, and is followed, or of a table that was replaced while it was looked at.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private Look LookAgain(ulong hash)
    {
        while (true)
        {
            ulong recovered = Recovered;
            Table table = Current;
            ulong buckets = table.Buckets;
            ulong* bucket = table.Bucket(Table.IndexOf(hash, buckets));
            if ((ulong)OffsetOf(bucket) <= (ulong)(_length - Table.BucketLength)
                || Regrown(OffsetOf(bucket), Table.BucketLength))
            {
                return new Look(table, buckets, bucket, Volatile.Read(ref bucket[Slot.Version]) + recovered);
            }

            Volatile.ReadBarrier();
            if (table.IsSame(Current) && recovered == Recovered)
            {
                throw Damaged(OffsetOf(bucket), "a bucket lies behind the region's end");
            }
        }
    }

    private long _length;
}
