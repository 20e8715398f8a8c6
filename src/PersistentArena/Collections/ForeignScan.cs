using System.Numerics;
using System.Runtime.InteropServices;

namespace GuestMemFs.Collections;

/// <summary>
/// Going through the records of a heap that another process may be writing. No lock keeps that one out, so each record
/// is copied first, and shown once the versions say that the copy is a record that was whole and current. After a
/// change the bucket is looked at again; what was shown already is passed over.
/// </summary>
internal static unsafe class ForeignScan
{
    /// <summary>What a walk has in its hands, for as long as the call takes.</summary>
    private sealed class Walk : IDisposable
    {
        private byte* _copy;
        private nuint _length;

        /// <summary>Entries of the buckets that are looked at.</summary>
        public List<ulong> Entries { get; } = [];

        /// <summary>Hashes of the keys of this step that were shown.</summary>
        public HashSet<ulong> Shown { get; } = [];

        public byte* RoomFor(long length)
        {
            if ((nuint)length > _length)
            {
                _copy = (byte*)NativeMemory.Realloc(_copy, (nuint)length);
                _length = (nuint)length;
            }

            return _copy;
        }

        public void Dispose() => NativeMemory.Free(_copy);
    }

    /// <summary>A bucket, and the one that it was split into where that is there.</summary>
    private readonly struct LookAtTwo(BucketLook first, BucketLook second)
    {
        public readonly BucketLook First = first;
        public readonly BucketLook Second = second;

        /// <summary>False where the table changed, or grew to further buckets, between the two looks.</summary>
        public bool IsOne(ulong half) =>
            First.Table.IsSame(Second.Table) && First.Buckets == Second.Buckets
                && 1UL << BitOperations.Log2(First.Buckets) == half;

        public bool HasSecond => First.Bucket != Second.Bucket;

        /// <summary>True where neither bucket has changed: a split changes the version of what it takes from.</summary>
        public bool IsStill(DictionaryState state)
        {
            Volatile.ReadBarrier();
            ulong recovered = state.Recovered;
            return First.Bucket[Slot.Version] + recovered == First.Version
                && Second.Bucket[Slot.Version] + recovered == Second.Version
                && First.Table.IsSame(state.Current);
        }
    }

    public static ulong Scan<TVisitor>(DictionaryState state, ulong cursor, int buckets, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        using Walk walk = new();
        do
        {
            walk.Shown.Clear();
            ulong half;
            SpinWait spin = default;
            while (!TryShowTwo(state, cursor, walk, ref visitor, out half))
            {
                WaitAfter(state, ref spin);
            }

            cursor = ScanCursor.Next(cursor, half);
        }
        while (cursor != 0 && --buckets > 0);
        state.ThrowIfGone();
        return cursor;
    }

    public static bool TryVisitOne<TVisitor>(DictionaryState state, ulong hash, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        using Walk walk = new();
        SpinWait spin = default;
        while (true)
        {
            BucketLook look = BucketLook.At(state, hash);
            walk.Entries.Clear();
            bool whole = TryList(state, look.Bucket, walk.Entries);
            int first = walk.Entries.Count == 0 ? 0 : Random.Shared.Next(walk.Entries.Count);
            bool there = false, shown = false;
            byte* record = null;
            ulong entry = 0, header = 0;
            for (int i = 0; i < walk.Entries.Count && !shown; i++)
            {
                entry = walk.Entries[(first + i) % walk.Entries.Count];
                there = TryCopy(state, entry, walk, out record, out header, out _);
                shown = !there || !state.IsSound(record, header)
                    || !state.IsExpired(RecordFormat.ExpiresAt(record, header));
            }

            if (look.IsStill(state, hash))
            {
                if (!whole)
                {
                    throw state.DamagedBucket(look.Bucket);
                }

                if (shown)
                {
                    Show(state, entry, record, header, ref visitor);
                }

                return shown;
            }

            WaitAfter(state, ref spin);
        }
    }

    /// <summary>Shows what is in a bucket and in the one that it was split into; false where a change came between, and
    /// what is left has to be looked at again.</summary>
    private static bool TryShowTwo<TVisitor>(
        DictionaryState state, ulong cursor, Walk walk, ref TVisitor visitor, out ulong half)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        half = 1UL << BitOperations.Log2(state.Current.Buckets);
        ulong index = cursor & (half - 1);
        LookAtTwo look = new(BucketLook.At(state, index), BucketLook.At(state, index + half));
        walk.Entries.Clear();
        bool whole = TryList(state, look.First.Bucket, walk.Entries)
            && (!look.HasSecond || TryList(state, look.Second.Bucket, walk.Entries));
        if (!look.IsOne(half) || !look.IsStill(state))
        {
            return false;
        }

        if (!whole)
        {
            throw state.DamagedBucket(look.First.Bucket);
        }

        foreach (ulong entry in walk.Entries)
        {
            bool there = TryCopy(state, entry, walk, out byte* record, out ulong header, out ulong hash);
            if (!look.IsStill(state))
            {
                return false;
            }

            if (!there || record != null)
            {
                Show(state, entry, record, header, ref visitor);
            }

            walk.Shown.Add(hash);
        }

        return true;
    }

    /// <summary>Shows a copy that the versions have confirmed, but not of a record that has expired.</summary>
    /// <exception cref="HeapDamagedException">The entry leads to no record.</exception>
    /// <exception cref="ValueDamagedException">The record's checksum is wrong.</exception>
    private static void Show<TVisitor>(
        DictionaryState state, ulong entry, byte* record, ulong header, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        if (record == null)
        {
            throw state.Damaged(Slot.Offset(entry), "a slot leads here, where there is no record");
        }

        if (!state.IsSound(record, header))
        {
            throw state.DamagedValue(state.At(Slot.Offset(entry)), state.Hash(RecordFormat.Key(record, header)));
        }

        if (!state.IsExpired(RecordFormat.ExpiresAt(record, header)))
        {
            visitor.Visit(state.View(record, header));
        }
    }

    /// <summary>Copies the record of an entry, which holds only if the look still does; none where its key was shown.
    /// False where there is no record.</summary>
    private static bool TryCopy(
        DictionaryState state, ulong entry, Walk walk, out byte* copy, out ulong header, out ulong hash)
    {
        copy = null;
        hash = 0;
        if (!state.TryRecord(entry, out byte* record, out header))
        {
            return false;
        }

        hash = state.Hash(RecordFormat.Key(record, header));
        if (!walk.Shown.Contains(hash))
        {
            long length = RecordFormat.Length(header);
            copy = walk.RoomFor(length);
            Buffer.MemoryCopy(record, copy, length, length);
            for (ulong* word = RecordFormat.ExpiryWord(copy); word < copy + RecordFormat.KeyOffset(header); word++)
            {
                *word = Volatile.Read(ref *(ulong*)(record + ((byte*)word - copy))); // changed in place, each at once
            }
        }

        return true;
    }

    /// <summary>Lists the entries of a chain; false where a link leads nowhere or in a circle, which is damage if the
    /// look still holds.</summary>
    private static bool TryList(DictionaryState state, ulong* node, List<ulong> entries)
    {
        for (int links = 0; ; links++)
        {
            for (int i = 0; i < Slot.PerNode; i++)
            {
                ulong slot = Volatile.Read(ref node[i]);
                if (Slot.IsEntry(slot))
                {
                    entries.Add(slot);
                }
                else if (i == Slot.Last && Slot.IsLink(slot))
                {
                    if (links >= Chain.MaximumLinks || !state.TryFollow(slot, out node))
                    {
                        return false;
                    }

                    break;
                }

                if (i == Slot.Last)
                {
                    return true;
                }
            }
        }
    }

    private static void WaitAfter(DictionaryState state, ref SpinWait spin)
    {
        state.ThrowIfGone();
        spin.SpinOnce(); // the writer is at it: it comes to an end sooner than another look does
    }
}
