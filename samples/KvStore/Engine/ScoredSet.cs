using System.Buffers.Binary;
using GuestMemFs;

namespace KvStore.Engine;

/// <summary>A member of a sorted set, and its score.</summary>
internal readonly record struct Scored(byte[] Member, double Score);

/// <summary>Is shown a member; false where it has seen enough.</summary>
internal delegate bool ScoreVisitor(ReadOnlySpan<byte> member, double score);

/// <summary>
/// A sorted set. A small one lies in order; a large one has two orders: members with their scores, and scores, in bytes
/// that keep their order, with members behind them. Ranges of all kinds are ranges of places in the second.
/// </summary>
internal sealed class ScoredSet(Keyspace keyspace, ServerOptions options) : Collection(keyspace, RecordType.SortedSet)
{
    private const int ScoreLength = sizeof(double);

    protected override int PiecesPerElement => 2;

    public bool TryGetScore(ReadOnlySpan<byte> member, out double score)
    {
        if (IsLarge)
        {
            bool found = TryReadEntry(Section, member, out ReadOnlySpan<byte> value);
            score = found ? BinaryPrimitives.ReadDoubleLittleEndian(value) : 0;
            return found;
        }

        return FindPacked(member, out score) >= 0;
    }

    /// <summary>Sets a member's score.</summary>
    public void Set(ReadOnlySpan<byte> member, double score)
    {
        if (!IsLarge && member.Length > options.SortedSetPackedValue)
        {
            Grow();
        }

        KeepAfterAll();
        IsChanged = true;
        if (IsLarge)
        {
            if (TryGetScore(member, out double old))
            {
                OtherSection().Remove(OrderKey(old, member));
            }

            SetLarge(member, score);
            return;
        }

        int at = FindPacked(member, out _);
        if (at >= 0)
        {
            Packed.Remove(at, 2);
        }

        Span<byte> bytes = stackalloc byte[ScoreLength];
        BinaryPrimitives.WriteDoubleLittleEndian(bytes, score);
        Packed.Insert(Packed.Insert(PackedPlace(member, score), member), bytes);
        if (Count > options.SortedSetPackedEntries)
        {
            Grow();
        }
    }

    /// <summary>Removes a member; false where it is none.</summary>
    public bool Remove(ReadOnlySpan<byte> member)
    {
        if (!TryGetScore(member, out double score))
        {
            return false;
        }

        if (!IsLarge)
        {
            IsChanged = true;
            Packed.Remove(FindPacked(member, out _), 2);
        }
        else if (!TryDropWithLast())
        {
            Section.Remove(member);
            OtherSection().Remove(OrderKey(score, member));
        }

        return true;
    }

    /// <summary>How many members have a lower score, or the same one and come before.</summary>
    public long Rank(ReadOnlySpan<byte> member, double score)
    {
        if (IsLarge)
        {
            return OtherSection().Rank(OrderKey(score, member));
        }

        return CountWhile((other, its) => its < score, member, score);
    }

    /// <summary>How many members have a score below one, or up to it.</summary>
    public long CountBelow(double score, bool includes)
    {
        if (!IsLarge)
        {
            return CountWhile((_, its) => its < score || (includes && its == score), default, double.NaN);
        }

        ulong order = Order(score) + (includes ? 1UL : 0);
        byte[] key = new byte[ScoreLength];
        BinaryPrimitives.WriteUInt64BigEndian(key, order);
        return OtherSection().Rank(key);
    }

    /// <summary>How many members come before one in the order of bytes, or up to it; all have one score.</summary>
    public long CountBelow(byte[] member, bool includes)
    {
        if (!IsLarge)
        {
            return CountWhile(
                (other, _) => other.AsSpan().SequenceCompareTo(member) < (includes ? 1 : 0), default, double.NaN);
        }

        if (!Exists)
        {
            return 0;
        }

        byte[] key = OrderKey(Range(0, 0)[0].Score, member);
        return OtherSection().Rank(includes ? [.. key, 0] : key);
    }

    /// <summary>The members from one place to another, both included; all of them are there.</summary>
    public List<Scored> Range(long start, long end)
    {
        List<Scored> range = [];
        if (IsLarge)
        {
            OtherSection().TryGetAt(start, out KeyValuePair<byte[], byte[]> first);
            SortedMapCursor cursor = OtherSection().Scan(first.Key);
            for (; start <= end && cursor.MoveNext(); start++)
            {
                SortedEntry entry = cursor.Current;
                ulong order = BinaryPrimitives.ReadUInt64BigEndian(entry.Key);
                double score = entry.Value.IsEmpty ? Score(order) : -0.0;
                range.Add(new Scored(entry.Key[ScoreLength..].ToArray(), score));
            }

            return range;
        }

        int at = Packed.PlaceOf((int)start * 2);
        for (; start <= end && at < Packed.End; start++)
        {
            byte[] member = Packed.Read(ref at).ToArray();
            range.Add(new Scored(member, BinaryPrimitives.ReadDoubleLittleEndian(Packed.Read(ref at))));
        }

        return range;
    }

    /// <summary>Shows members in order, from a score up to below another, until the visitor has enough.</summary>
    public void VisitScores(double least, double below, ScoreVisitor visit)
    {
        if (!IsLarge)
        {
            VisitPacked(least, below, visit);
            return;
        }

        ulong end = Order(below);
        SortedMapCursor cursor = OtherSection().Scan(OrderKey(least, default));
        while (cursor.MoveNext())
        {
            SortedEntry entry = cursor.Current;
            ulong order = BinaryPrimitives.ReadUInt64BigEndian(entry.Key);
            if (order >= end || !visit(entry.Key[ScoreLength..], entry.Value.IsEmpty ? Score(order) : -0.0))
            {
                return;
            }
        }
    }

    /// <summary>Members of a large one in the order of their bytes, from one on; all of a small one.</summary>
    public IEnumerable<Scored> MembersFrom(ReadOnlySpan<byte> member) =>
        IsLarge ? MembersOf(Section.Scan(member)) : Range(0, Count - 1);

    protected override void FillLarge()
    {
        for (int at = PackedPieces.Start; at < Packed.End;)
        {
            ReadOnlySpan<byte> member = Packed.Read(ref at);
            SetLarge(member, BinaryPrimitives.ReadDoubleLittleEndian(Packed.Read(ref at)));
        }
    }

    protected override void KeepAfterAll()
    {
        if (IsLarge && !Exists)
        {
            OtherSection().RemoveFirst(int.MaxValue);
        }

        base.KeepAfterAll();
    }

    // Flipped so that they are compared as unsigned numbers; both zeros are one.
    private static ulong Order(double score)
    {
        ulong bits = BitConverter.DoubleToUInt64Bits(score == 0 ? 0 : score);
        return bits >> 63 == 0 ? bits | (1UL << 63) : ~bits;
    }

    private static double Score(ulong order) =>
        BitConverter.UInt64BitsToDouble(order >> 63 == 0 ? ~order : order & ~(1UL << 63));

    private static byte[] OrderKey(double score, ReadOnlySpan<byte> member)
    {
        byte[] key = new byte[ScoreLength + member.Length];
        BinaryPrimitives.WriteUInt64BigEndian(key, Order(score));
        member.CopyTo(key.AsSpan(ScoreLength));
        return key;
    }

    private static IEnumerable<Scored> MembersOf(SortedMapCursor cursor)
    {
        while (cursor.MoveNext())
        {
            SortedEntry entry = cursor.Current;
            yield return new Scored(entry.Key.ToArray(), BinaryPrimitives.ReadDoubleLittleEndian(entry.Value));
        }
    }

    private void SetLarge(ReadOnlySpan<byte> member, double score)
    {
        Span<byte> bytes = stackalloc byte[ScoreLength];
        BinaryPrimitives.WriteDoubleLittleEndian(bytes, score);
        Section.Set(member, bytes);
        OtherSection().Set(OrderKey(score, member), score == 0 && double.IsNegative(score) ? "-"u8 : default);
    }

    private void VisitPacked(double least, double below, ScoreVisitor visit)
    {
        for (int at = PackedPieces.Start; at < Packed.End;)
        {
            ReadOnlySpan<byte> member = Packed.Read(ref at);
            double score = BinaryPrimitives.ReadDoubleLittleEndian(Packed.Read(ref at));
            if (score >= least && (score >= below || !visit(member, score)))
            {
                return;
            }
        }
    }

    private int FindPacked(ReadOnlySpan<byte> member, out double score)
    {
        for (int at = PackedPieces.Start; at < Packed.End;)
        {
            int start = at;
            bool same = Packed.Read(ref at).SequenceEqual(member);
            ReadOnlySpan<byte> bytes = Packed.Read(ref at);
            if (same)
            {
                score = BinaryPrimitives.ReadDoubleLittleEndian(bytes);
                return start;
            }
        }

        score = 0;
        return -1;
    }

    private int PackedPlace(ReadOnlySpan<byte> member, double score)
    {
        for (int at = PackedPieces.Start; at < Packed.End;)
        {
            int start = at;
            ReadOnlySpan<byte> other = Packed.Read(ref at);
            double its = BinaryPrimitives.ReadDoubleLittleEndian(Packed.Read(ref at));
            if (its > score || (its == score && other.SequenceCompareTo(member) > 0))
            {
                return start;
            }
        }

        return Packed.End;
    }

    private long CountWhile(Func<byte[], double, bool> isBelow, ReadOnlySpan<byte> member, double score)
    {
        long count = 0;
        foreach (Scored each in Range(0, Count - 1))
        {
            bool before = each.Score == score && each.Member.AsSpan().SequenceCompareTo(member) < 0;
            if (!before && !isBelow(each.Member, each.Score))
            {
                break;
            }

            count++;
        }

        return count;
    }
}
