using System.Numerics;
using System.Runtime.InteropServices;

namespace GuestMemFs.Collections;

/// <summary>
/// Going through the records of a heap that another process may be writing. No lock keeps that one out, so each record
/// is copied first, and shown once the versions say that the copy is a record that was whole and current. After a
/// change the bucket is looked at again; what was shown already is passed over.
/// </summary>
internal sealed unsafe partial class DictionaryCore
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
    private readonly struct LookAtTwo(Look first, Look second)
    {
        public readonly Look First = first;
        public readonly Look Second = second;

        /// <summary>False where the table changed, or grew to further buckets, between the two looks.</summary>
        public bool IsOne(ulong half) =>
            First.Table.IsSame(Second.Table) && First.Buckets == Second.Buckets
                && 1UL << BitOperations.Log2(First.Buckets) == half;

        public bool HasSecond => First.Bucket != Second.Bucket;
    }

    private ulong ScanElsewhere<TVisitor>(ulong cursor, int buckets, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        using Walk walk = new();
        do
        {
            walk.Shown.Clear();
            ulong half;
            SpinWait spin = default;
            while (!TryShowTwo(cursor, walk, ref visitor, out half))
            {
                WaitAfter(ref spin);
            }

            cursor = Reverse(Reverse(cursor | ~(half - 1)) + 1);
        }
        while (cursor != 0 && --buckets > 0);
        _heap.ThrowIfGone();
        return cursor;
    }

    /// <summary>Shows what is in a bucket and in the one that it was split into; false where a change came between, and
    /// what is left has to be looked at again.</summary>
    private bool TryShowTwo<TVisitor>(ulong cursor, Walk walk, ref TVisitor visitor, out ulong half)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        half = 1UL << BitOperations.Log2(Current.Buckets);
        ulong index = cursor & (half - 1);
        LookAtTwo look = new(LookAt(index), LookAt(index + half));
        walk.Entries.Clear();
        bool whole = TryList(look.First.Bucket, walk.Entries)
            && (!look.HasSecond || TryList(look.Second.Bucket, walk.Entries));
        if (!look.IsOne(half) || !IsStill(look))
        {
            return false;
        }

        if (!whole)
        {
            throw DamagedBucket(look.First.Bucket);
        }

        foreach (ulong entry in walk.Entries)
        {
            bool there = TryCopy(entry, walk, out byte* record, out ulong header, out ulong hash);
            if (!IsStill(look))
            {
                return false;
            }

            Show(entry, there, record, header, ref visitor);
            walk.Shown.Add(hash);
        }

        return true;
    }

    private bool TryVisitOneElsewhere<TVisitor>(ulong hash, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        using Walk walk = new();
        SpinWait spin = default;
        while (true)
        {
            Look look = LookAt(hash);
            walk.Entries.Clear();
            bool whole = TryList(look.Bucket, walk.Entries);
            int first = walk.Entries.Count == 0 ? 0 : Random.Shared.Next(walk.Entries.Count);
            bool there = false, shown = false;
            byte* record = null;
            ulong entry = 0, header = 0;
            for (int i = 0; i < walk.Entries.Count && !shown; i++)
            {
                entry = walk.Entries[(first + i) % walk.Entries.Count];
                there = TryCopy(entry, walk, out record, out header, out _);
                shown = !there || !IsSound(record, header) || !IsExpired(RecordFormat.ExpiresAt(record, header));
            }

            if (IsStill(look, hash))
            {
                if (!whole)
                {
                    throw DamagedBucket(look.Bucket);
                }

                if (shown)
                {
                    Show(entry, there, record, header, ref visitor);
                }

                return shown;
            }

            WaitAfter(ref spin);
        }
    }

    /// <summary>Shows a copy that the versions have confirmed; not where it was shown before or has expired.</summary>
    /// <exception cref="HeapDamagedException">The entry leads to no record.</exception>
    /// <exception cref="ValueDamagedException">The record's checksum is wrong.</exception>
    private void Show<TVisitor>(ulong entry, bool there, byte* record, ulong header, ref TVisitor visitor)
        where TVisitor : struct, IRecordVisitor, allows ref struct
    {
        if (!there)
        {
            throw Damaged(Slot.Offset(entry), "a slot leads here, where there is no record");
        }

        if (record == null)
        {
            return;
        }

        if (!IsSound(record, header))
        {
            throw DamagedValue(_base + Slot.Offset(entry), Hash(RecordFormat.Key(record, header)));
        }

        if (!IsExpired(RecordFormat.ExpiresAt(record, header)))
        {
            visitor.Visit(View(record, header));
        }
    }

    /// <summary>Copies the record of an entry, which holds only if the look still does; none where its key was shown.
    /// False where there is no record.</summary>
    private bool TryCopy(ulong entry, Walk walk, out byte* copy, out ulong header, out ulong hash)
    {
        copy = null;
        hash = 0;
        if (!TryRecord(entry, out byte* record, out header))
        {
            return false;
        }

        hash = Hash(RecordFormat.Key(record, header));
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
    private bool TryList(ulong* node, List<ulong> entries)
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
                    if (links >= Chain.MaximumLinks || !TryFollow(slot, out node))
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

    /// <summary>True where neither bucket has changed: a split changes the version of what it takes from.</summary>
    private bool IsStill(in LookAtTwo look)
    {
        Volatile.ReadBarrier();
        ulong recovered = Recovered;
        return look.First.Bucket[Slot.Version] + recovered == look.First.Version
            && look.Second.Bucket[Slot.Version] + recovered == look.Second.Version
            && look.First.Table.IsSame(Current);
    }

    private void WaitAfter(ref SpinWait spin)
    {
        _heap.ThrowIfGone();
        spin.SpinOnce(); // the writer is at it: it comes to an end sooner than another look does
    }
}
