namespace GuestMemFs.Collections;

/// <summary>Goes through the keys of a map.</summary>
internal sealed class MemberCursor(SortedMapCursor entries) : ElementCursor
{
    public override ReadOnlySpan<byte> Current => entries.Current.Key;

    public override bool MoveNext() => entries.MoveNext();
}

/// <summary>Goes through several sets together, each in its order.</summary>
internal abstract class SeveralSetsCursor(SetHead[] heads) : ElementCursor
{
    private SetHead? _at;

    public sealed override ReadOnlySpan<byte> Current =>
        _at is { IsEnded: false } at ? at.Member : throw new InvalidOperationException(
            "The cursor is at no member. Call MoveNext, and use Current where it returned true.");

    public sealed override bool MoveNext()
    {
        _at = Next(heads, _at);
        return _at is not null;
    }

    /// <summary>The set that is at the next member of the result; null at the end.</summary>
    protected abstract SetHead? Next(SetHead[] heads, SetHead? last);
}

/// <summary>What any of several sets has.</summary>
internal sealed class UnionCursor(SetHead[] heads) : SeveralSetsCursor(heads)
{
    private bool _isBegun;

    protected override SetHead? Next(SetHead[] heads, SetHead? last)
    {
        if (_isBegun && last is null)
        {
            return null;
        }

        foreach (SetHead head in heads)
        {
            bool isPast = !_isBegun || (head != last && !head.IsEnded && head.Member.SequenceEqual(last!.Member));
            if (isPast)
            {
                head.MoveNext();
            }
        }

        if (_isBegun)
        {
            last!.MoveNext();
        }

        _isBegun = true;
        SetHead? least = null;
        foreach (SetHead head in heads)
        {
            bool isLess = !head.IsEnded && (least is null || head.Member.SequenceCompareTo(least.Member) < 0);
            least = isLess ? head : least;
        }

        return least;
    }
}

/// <summary>What all of several sets have.</summary>
internal sealed class IntersectionCursor(SetHead[] heads) : SeveralSetsCursor(heads)
{
    protected override SetHead? Next(SetHead[] heads, SetHead? last)
    {
        SetHead first = heads[0];
        first.MoveNext();
        for (int i = 1; i < heads.Length && !first.IsEnded; i++)
        {
            if (!heads[i].MoveTo(first.Member))
            {
                return null;
            }

            if (!heads[i].Member.SequenceEqual(first.Member))
            {
                first.MoveTo(heads[i].Member);
                i = 0;
            }
        }

        return first.IsEnded ? null : first;
    }
}

/// <summary>What the first of several sets has and none of the others.</summary>
internal sealed class DifferenceCursor(SetHead[] heads) : SeveralSetsCursor(heads)
{
    protected override SetHead? Next(SetHead[] heads, SetHead? last)
    {
        SetHead first = heads[0];
        while (first.MoveNext())
        {
            if (!IsInOthers(heads, first.Member))
            {
                return first;
            }
        }

        return null;
    }

    private static bool IsInOthers(SetHead[] heads, ReadOnlySpan<byte> member)
    {
        for (int i = 1; i < heads.Length; i++)
        {
            if (heads[i].MoveTo(member) && heads[i].Member.SequenceEqual(member))
            {
                return true;
            }
        }

        return false;
    }
}
