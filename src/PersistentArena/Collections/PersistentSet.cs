using GuestMemFs.Collections;
using GuestMemFs.Heap;

namespace GuestMemFs;

/// <summary>
/// A crash-safe set of byte strings in a <see cref="PersistentHeap"/>, in the order of their bytes. A change that has
/// returned is there after SIGKILL; one that was in flight is whole or absent.
/// </summary>
/// <remarks>
/// <para>It is a thin layer over a <see cref="PersistentSortedMap"/> without values. Each change is one store; <see
/// cref="ReplaceWith"/>, <see cref="UnionWith"/>, <see cref="IntersectWith"/>, <see cref="ExceptWith"/> and <see
/// cref="Clear"/> are a group (<see cref="PersistentHeap.BeginAtomic"/>), or part of the one that the thread has
/// open.</para>
/// <para>Thread-safe. Reads and cursors take no lock and never wait for a writer, in this process or in another one.
/// Writers of one set take turns.</para>
/// </remarks>
public sealed class PersistentSet
{
    /// <summary>Longest member, in bytes.</summary>
    public const int MaximumMemberLength = PersistentDictionary.MaximumKeyLength;

    private const string NotInOrder =
        "The members do not rise. Nothing was changed. Give a set's own, or what sets make together.";

    private readonly PersistentSortedMap _map;

    private PersistentSet(PersistentSortedMap map) => _map = map;

    /// <summary>The number of members.</summary>
    public long Count => _map.Count;

    /// <summary>Bytes that the members' blocks take; nodes come to about 40 bytes a member more.</summary>
    public long RecordBytes => _map.RecordBytes;

    internal PersistentHeap Heap => _map.Core.Heap;

    /// <summary>Opens the set of that name (1 to 31 bytes of UTF-8) in the heap, or creates it.</summary>
    /// <exception cref="HeapLayoutException">The name is taken by something else.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room for a new set.</exception>
    /// <exception cref="AtomicGroupException">It is not there, and this thread has a group open.</exception>
    public static PersistentSet OpenOrCreate(PersistentHeap heap, string name) =>
        new(PersistentSortedMap.OpenAs(heap, name, TreeKind.Set));

    /// <summary>The members that any of the sets has, in order, without a copy of them.</summary>
    /// <remarks>Each set is seen as by a cursor of its own: beside writers, each leaf at another instant.</remarks>
    public static ElementCursor Union(params ReadOnlySpan<PersistentSet> sets) => new UnionCursor(Heads(sets));

    /// <summary>The members that all of the sets have; a small one beside large ones is searched for in them.</summary>
    /// <inheritdoc cref="Union" path="/remarks"/>
    /// <exception cref="ArgumentException">There is no set.</exception>
    public static ElementCursor Intersection(params ReadOnlySpan<PersistentSet> sets) =>
        new IntersectionCursor(AtLeastOne(sets));

    /// <summary>The members of the first set that none of the others has.</summary>
    /// <inheritdoc cref="Union" path="/remarks"/>
    /// <exception cref="ArgumentException">There is no set.</exception>
    public static ElementCursor Difference(params ReadOnlySpan<PersistentSet> sets) =>
        new DifferenceCursor(AtLeastOne(sets));

    /// <summary>Adds a member; false where it is one.</summary>
    /// <exception cref="ArgumentException">It is too long.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; nothing was changed.</exception>
    public bool Add(ReadOnlySpan<byte> member) => _map.TryAdd(member, default);

    /// <summary>Removes a member; false where it is none.</summary>
    public bool Remove(ReadOnlySpan<byte> member) => _map.Remove(member);

    /// <summary>True for a member.</summary>
    public bool Contains(ReadOnlySpan<byte> member) => _map.ContainsKey(member);

    /// <summary>Any member, each as likely as the others, in O(log n); false where there is none.</summary>
    public bool TryGetRandom(out byte[]? member)
    {
        bool found = new RandomMember().TryChoose(_map.Core.Reader, default, out ReadOnlySpan<byte> key);
        member = found ? key.ToArray() : null;
        return found || (Count > 0 && TryGetRandom(out member)); // others were removed between count and choice
    }

    /// <summary>Takes any member away; false where there is none.</summary>
    public bool TryRemoveRandom(out byte[]? member)
    {
        RandomMember any = default;
        TakeKey taken = default;
        bool removed = _map.MutateChosen(ref any, ref taken);
        member = taken.Key;
        return removed;
    }

    /// <summary>All members, in order.</summary>
    public ElementCursor GetEnumerator() => Scan();

    /// <summary>The members from one on (that one included), up to another one (that one not).</summary>
    /// <param name="from">Where the range begins; empty for the first member.</param>
    /// <param name="to">Where it ends; empty for no end.</param>
    public ElementCursor Scan(ReadOnlySpan<byte> from = default, ReadOnlySpan<byte> to = default) =>
        new MemberCursor(_map.Scan(from, to));

    /// <summary>
    /// Makes the set hold just these members, all or nothing over a crash: what stays is not touched. This set may be
    /// one of those that the members come from.
    /// </summary>
    /// <param name="members">
    /// In rising order: <see cref="Union"/>, <see cref="Intersection"/>, <see cref="Difference"/>, or a set's own.
    /// </param>
    /// <returns>How many were added and removed.</returns>
    /// <remarks>A group: other writers of the heap wait, and its log takes 24 bytes a change meanwhile.</remarks>
    /// <exception cref="ArgumentException">The members do not rise; nothing was changed, unless this thread has a group
    /// open: dispose it.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; the same.</exception>
    public long ReplaceWith(ElementCursor members)
    {
        ArgumentNullException.ThrowIfNull(members);
        List<byte[]> removed = [];
        long changes;
        using (JoinedGroup group = Heap.BeginOrJoin())
        {
            changes = ReplaceInGroup(members, removed);
            group.Commit();
        }

        foreach (byte[] member in removed)
        {
            _map.Core.Writer.Thin(member);
        }

        return changes;
    }

    /// <summary>Adds the members of other sets; returns how many were added.</summary>
    /// <inheritdoc cref="ReplaceWith" path="/remarks"/>
    public long UnionWith(params ReadOnlySpan<PersistentSet> others) => ReplaceWith(Union([this, .. others]));

    /// <summary>Removes what one of the other sets has not; returns how many were removed.</summary>
    /// <inheritdoc cref="ReplaceWith" path="/remarks"/>
    public long IntersectWith(params ReadOnlySpan<PersistentSet> others) =>
        ReplaceWith(Intersection([this, .. others]));

    /// <summary>Removes what one of the other sets has; returns how many were removed.</summary>
    /// <inheritdoc cref="ReplaceWith" path="/remarks"/>
    public long ExceptWith(params ReadOnlySpan<PersistentSet> others) => ReplaceWith(Difference([this, .. others]));

    /// <summary>Removes all members, all or none; returns how many.</summary>
    /// <inheritdoc cref="ReplaceWith" path="/remarks"/>
    public long Clear() => ReplaceWith(new UnionCursor([]));

    private static SetHead[] AtLeastOne(ReadOnlySpan<PersistentSet> sets)
    {
        ArgumentOutOfRangeException.ThrowIfZero(sets.Length, nameof(sets));
        return Heads(sets);
    }

    private static SetHead[] Heads(ReadOnlySpan<PersistentSet> sets)
    {
        SetHead[] heads = new SetHead[sets.Length];
        for (int i = 0; i < sets.Length; i++)
        {
            ArgumentNullException.ThrowIfNull(sets[i], nameof(sets));
            heads[i] = new SetHead(sets[i]._map);
        }

        return heads;
    }

    // The present members and the new ones, side by side. What is changed lies before the places that both have come
    // to: no cursor meets it.
    private long ReplaceInGroup(ElementCursor members, List<byte[]> removed)
    {
        long changes = 0;
        SetHead present = new(_map);
        present.MoveNext();
        byte[]? last = null;
        while (members.MoveNext())
        {
            byte[] member = members.Current.ToArray();
            if (last is not null && member.AsSpan().SequenceCompareTo(last) <= 0)
            {
                throw new ArgumentException(NotInOrder, nameof(members));
            }

            changes += RemoveBelow(present, member, removed);
            last = member;
            if (!present.IsEnded && present.Member.SequenceEqual(member))
            {
                present.MoveNext();
            }
            else
            {
                changes += Add(member) ? 1 : 0;
            }
        }

        return changes + RemoveBelow(present, null, removed);
    }

    // Notes one of those that lie in a leaf, for the leaves that are left with few.
    private long RemoveBelow(SetHead present, byte[]? member, List<byte[]> removed)
    {
        long count = 0;
        for (; !present.IsEnded && (member is null || present.Member.SequenceCompareTo(member) < 0); count++)
        {
            if (count % SlotOrder.Slots == 0)
            {
                removed.Add(present.Member.ToArray());
            }

            Remove(present.Member);
            present.MoveNext();
        }

        return count;
    }
}
