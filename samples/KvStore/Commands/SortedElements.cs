using GuestMemFs;
using KvStore.Engine;
using KvStore.Protocol;

namespace KvStore.Commands;

/// <summary>What SORT sorts: the elements of a list, set or sorted set, and what they are compared by.</summary>
internal static class SortedElements
{
    private const double SmallestNormal = 2.2250738585072014E-308;

    /// <summary>
    /// Reads the elements of the first key in their order; none where there is no key. Replies where it is of another
    /// type.
    /// </summary>
    public static bool TryRead(in Call call, out List<byte[]> elements, out RecordType type)
    {
        elements = [];
        FactsReader facts = default;
        bool found = call.Keys.TryRead(call.Key, ref facts);
        call.Looked(found);
        type = found ? facts.Type : RecordType.List;
        switch (type)
        {
            case RecordType.List:
                ReadList(call.Engine.List, call.Key, elements);
                return true;
            case RecordType.Set:
                ReadSet(call.Engine.Set, call.Key, elements);
                return true;
            case RecordType.SortedSet:
                ReadSortedSet(call.Engine.SortedSet, call.Key, elements);
                return true;
            default:
                call.Reply.Error(Errors.WrongType);
                return false;
        }
    }

    /// <summary>A number as C reads it: nothing is 0, and what stands behind a zero byte does not count.</summary>
    public static bool TryScore(ReadOnlySpan<byte> text, out double score)
    {
        score = 0;
        int end = text.IndexOf((byte)0);
        text = end < 0 ? text : text[..end];
        if (text.IsEmpty)
        {
            return true;
        }

        text = text.TrimStart(" \t\n\v\f\r"u8);
        return ScoreText.TryParse(text, out score) && !IsTooSmall(text, score);
    }

    /// <summary>True where a number is not 0, and too small to be another one.</summary>
    private static bool IsTooSmall(ReadOnlySpan<byte> text, double score)
    {
        int exponent = text.IndexOfAny((byte)'e', (byte)'E');
        ReadOnlySpan<byte> digits = exponent < 0 ? text : text[..exponent];
        return Math.Abs(score) < SmallestNormal && digits.IndexOfAnyInRange((byte)'1', (byte)'9') >= 0;
    }

    private static void ReadList(ElementList list, ReadOnlySpan<byte> key, List<byte[]> to)
    {
        list.TryOpen(key);
        ListCursor cursor = list.From(0);
        while (list.Exists && cursor.MoveNext())
        {
            to.Add(cursor.Element.ToArray());
        }
    }

    private static void ReadSet(FieldMap set, ReadOnlySpan<byte> key, List<byte[]> to)
    {
        set.TryOpen(key);
        FieldCursor cursor = set.Scan();
        while (cursor.MoveNext())
        {
            to.Add(cursor.Field.ToArray());
        }
    }

    private static void ReadSortedSet(ScoredSet set, ReadOnlySpan<byte> key, List<byte[]> to)
    {
        set.TryOpen(key);
        if (set.Exists)
        {
            to.AddRange(set.Range(0, set.Count - 1).Select(static it => it.Member));
        }
    }

    /// <summary>An element and what it is compared by.</summary>
    /// <param name="Element">The element.</param>
    /// <param name="Score">Its number, where numbers are compared.</param>
    /// <param name="Text">Its text, where texts are; null comes first.</param>
    /// <param name="IsText">Which of the two.</param>
    public readonly record struct Weighed(byte[] Element, double Score, byte[]? Text, bool IsText)
        : IComparable<Weighed>
    {
        public int CompareTo(Weighed other)
        {
            int order = IsText
                ? Text is null || other.Text is null
                    ? (Text is null ? 0 : 1) - (other.Text is null ? 0 : 1)
                    : Text.AsSpan().SequenceCompareTo(other.Text)
                : Score.CompareTo(other.Score);
            return order != 0 ? order : Element.AsSpan().SequenceCompareTo(other.Element);
        }
    }
}
