using System.Numerics;

namespace GuestMemFs.Collections;

/// <summary>The record of a key in a bucket and its overflow blocks. For readers and for writers.</summary>
internal static unsafe class BucketSearch
{
    /// <summary>
    /// The record of a key, or null; then <paramref name="header"/> says whether something was met that cannot be: not
    /// 0 is damage, where the bucket's lock is held or the look still holds. The key may be behind it, so nobody must
    /// take it for absent.
    /// </summary>
    public static byte* FindIn(this DictionaryState state, ulong* node, ulong tag, ReadOnlySpan<byte> key,
        out ulong header, out ulong* slot)
    {
        bool strange = false;
        for (int links = 0; ; links++)
        {
            for (uint matches = Slot.Matches(node, tag); matches != 0; matches &= matches - 1)
            {
                int i = BitOperations.TrailingZeroCount(matches);
                ulong entry = Volatile.Read(ref node[i]);
                if (!state.TryRecord(entry, out byte* record, out header))
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
                    strange |= Slot.HasTag(entry, tag) && Slot.Tag(state.Hash(RecordFormat.Key(record, header))) != tag;
                }
            }

            ulong last = Volatile.Read(ref node[Slot.Last]);
            if (!Slot.IsLink(last))
            {
                break;
            }

            if (!state.TryFollow(last, out node) || links >= Chain.MaximumLinks)
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

    public static HeapDamagedException DamagedBucket(this DictionaryState state, ulong* bucket) =>
        state.Damaged(state.OffsetOf(bucket),
            "a slot of the bucket here, or of its overflow blocks, does not lead to a record of its own");
}
