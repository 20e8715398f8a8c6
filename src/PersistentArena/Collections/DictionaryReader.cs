using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using GuestMemFs.Format;

namespace GuestMemFs.Collections;

/// <summary>
/// Reading without locks: find the record, let the reader copy, then see whether the bucket's version, the bucket's
/// place and the table are what they were. A writer changes the version before it frees anything, so bytes that passed
/// the test are a record that was whole and current.
/// </summary>
internal static unsafe class DictionaryReader
{
    private const int BatchLength = 16;

    /// <summary>Looks before a reader keeps writers out.</summary>
    private const int MaximumLooks = 1000;

    public static bool TryRead<TReader>(
        DictionaryState state, ReadOnlySpan<byte> key, ulong hash, ref TReader reader)
        where TReader : struct, IRecordReader, allows ref struct
    {
        for (int looks = 0; looks < MaximumLooks; looks++)
        {
            BucketLook look = BucketLook.At(state, hash);
            RecordView record = Find(state, look.Bucket, hash, key);
            if (record.Exists)
            {
                reader.Read(record);
            }

            if (look.IsStill(state, hash))
            {
                return record.Exists || Absent(state, record, look.Bucket, hash);
            }
        }

        return ReadLocked(state, key, hash, ref reader);
    }

    /// <summary>
    /// What comes after many looks that did not hold: writers are kept out of the bucket. So a reader comes to an end;
    /// and one whose callback changes what it reads, to an exception.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool ReadLocked<TReader>(
        DictionaryState state, ReadOnlySpan<byte> key, ulong hash, ref TReader reader)
        where TReader : struct, IRecordReader, allows ref struct
    {
        state.Locks.Enter(hash);
        try
        {
            BucketLook look;
            RecordView record;
            do
            {
                look = BucketLook.At(state, hash);
                record = Find(state, look.Bucket, hash, key);
                if (record.Exists)
                {
                    reader.Read(record);
                }
            }
            while (!look.IsStill(state, hash)); // a writer in another process takes no lock of this one
            return record.Exists || Absent(state, record, look.Bucket, hash);
        }
        finally
        {
            state.Locks.Leave(hash);
        }
    }

    public static void ReadMany<TReader>(DictionaryState state, ref TReader reader)
        where TReader : struct, IBatchReader, allows ref struct
    {
        ulong* hashes = stackalloc ulong[BatchLength];
        int count = reader.Count;
        for (int start = 0; start < count; start += BatchLength)
        {
            int batch = Math.Min(BatchLength, count - start);
            for (int i = 0; i < batch; i++)
            {
                hashes[i] = state.Hash(reader.KeyAt(start + i));
                PrefetchBucket(state, hashes[i]);
            }

            for (int i = 0; i < batch; i++)
            {
                PrefetchRecord(state, hashes[i]);
            }

            for (int i = 0; i < batch; i++)
            {
                ReadOne(state, ref reader, start + i, hashes[i]);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ReadOne<TReader>(DictionaryState state, ref TReader reader, int index, ulong hash)
        where TReader : struct, IBatchReader, allows ref struct
    {
        for (int looks = 0; looks < MaximumLooks; looks++)
        {
            BucketLook look = BucketLook.At(state, hash);
            RecordView record = Find(state, look.Bucket, hash, reader.KeyAt(index));
            reader.Read(index, record);
            if (look.IsStill(state, hash))
            {
                _ = record.Exists || Absent(state, record, look.Bucket, hash);
                return;
            }
        }

        ReadOneLocked(state, ref reader, index, hash);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ReadOneLocked<TReader>(DictionaryState state, ref TReader reader, int index, ulong hash)
        where TReader : struct, IBatchReader, allows ref struct
    {
        state.Locks.Enter(hash);
        try
        {
            BucketLook look;
            RecordView record;
            do
            {
                look = BucketLook.At(state, hash);
                record = Find(state, look.Bucket, hash, reader.KeyAt(index));
                reader.Read(index, record);
            }
            while (!look.IsStill(state, hash));
            _ = record.Exists || Absent(state, record, look.Bucket, hash);
        }
        finally
        {
            state.Locks.Leave(hash);
        }
    }

    /// <summary>Brings the bucket of a key near.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void PrefetchBucket(DictionaryState state, ulong hash)
    {
        if (Sse.IsSupported)
        {
            Table table = state.Current;
            Sse.Prefetch0(table.Bucket(Table.IndexOf(hash, table.Buckets)));
        }
    }

    /// <summary>Brings the record near that the bucket, already near, points to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PrefetchRecord(DictionaryState state, ulong hash)
    {
        if (Sse.IsSupported)
        {
            Table table = state.Current;
            ulong* bucket = table.Bucket(Table.IndexOf(hash, table.Buckets));
            // the table may have been replaced meanwhile
            bool inside = (ulong)state.OffsetOf(bucket) <= (ulong)(state.Length - Table.BucketLength);
            uint matches = inside ? Slot.Matches(bucket, Slot.Tag(hash)) : 0;
            if (matches != 0)
            {
                byte* record = state.At(Slot.Offset(bucket[BitOperations.TrailingZeroCount(matches)]));
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
    private static RecordView Find(DictionaryState state, ulong* bucket, ulong hash, ReadOnlySpan<byte> key)
    {
        ulong tag = Slot.Tag(hash);
        uint matches = Slot.Matches(bucket, tag);
        if (matches != 0)
        {
            long offset = Slot.Offset(bucket[BitOperations.TrailingZeroCount(matches)]);
            long room = state.Length - RecordFormat.PlainKeyOffset - key.Length - offset;
            if (Guard.Holds(room >= 0))
            {
                byte* record = state.At(offset);
                ulong header = *(ulong*)record;
                if (Guard.Holds(RecordFormat.IsPlain(header, key.Length))
                    && header >> 32 <= Math.Min((ulong)room, state.LongestUnchecked)
                    && new ReadOnlySpan<byte>(record + RecordFormat.PlainKeyOffset, key.Length).SequenceEqual(key))
                {
                    return RecordView.WithValueAt(record + RecordFormat.PlainKeyOffset + key.Length, header);
                }
            }
        }

        return FindSlow(state, bucket, hash, key);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static RecordView FindSlow(DictionaryState state, ulong* bucket, ulong hash, ReadOnlySpan<byte> key)
    {
        byte* record = state.FindIn(bucket, Slot.Tag(hash), key, out ulong header, out _);
        return record == null ? (header == 0 ? default : RecordView.Damaged)
            : !state.IsSound(record, header, hash) ? RecordView.DamagedAt(record)
            : state.IsExpired(RecordFormat.ExpiresAt(record, header)) ? default : state.View(record, header);
    }

    /// <summary>False, for a record that was not found by a look that still holds.</summary>
    /// <exception cref="HeapDamagedException">It may be there, and damage hides it.</exception>
    /// <exception cref="ValueDamagedException">It is there, and its checksum is wrong.</exception>
    private static bool Absent(DictionaryState state, in RecordView record, ulong* bucket, ulong hash)
    {
        state.ThrowIfGone();
        return !record.IsDamaged ? false
            : record.DamagedRecord == null ? throw state.DamagedBucket(bucket)
            : throw state.DamagedValue(record.DamagedRecord, hash);
    }
}
