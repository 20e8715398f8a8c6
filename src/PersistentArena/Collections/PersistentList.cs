using System.Buffers;
using GuestMemFs.Collections;
using GuestMemFs.Heap;

namespace GuestMemFs;

/// <summary>
/// A crash-safe list of byte strings in a <see cref="PersistentHeap"/>: both ends and all places in between in
/// O(log n). A change that has returned is there after SIGKILL; one that was in flight is whole or absent.
/// </summary>
/// <remarks>
/// <para>It is a thin layer over a <see cref="PersistentSortedMap"/> under keys that nobody sees. Each change is
/// one store; <see cref="RemoveRange"/>, <see cref="Trim"/>, <see cref="Clear"/>, and once in hundreds of insertions at
/// one place <see cref="Insert"/>, are a group (<see cref="PersistentHeap.BeginAtomic"/>), or part of the one that the
/// thread has open.</para>
/// <para>Thread-safe. Reads and cursors take no lock and never wait for a writer, in this process or in another one.
/// Writers of one list take turns. An index is as of the instant of its call.</para>
/// </remarks>
public sealed class PersistentList
{
    /// <summary>Longest element, in bytes.</summary>
    public const int MaximumElementLength = PersistentDictionary.MaximumValueLength;

    private readonly PersistentSortedMap _map;

    private PersistentList(PersistentSortedMap map) => _map = map;

    /// <summary>The number of elements.</summary>
    public long Count => _map.Count;

    /// <summary>Bytes that the elements' blocks take; nodes come to about 40 bytes an element more.</summary>
    public long RecordBytes => _map.RecordBytes;

    internal PersistentHeap Heap => _map.Core.Heap;

    /// <summary>Opens the list of that name (1 to 31 bytes of UTF-8) in the heap, or creates it.</summary>
    /// <exception cref="HeapLayoutException">The name is taken by something else.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room for a new list.</exception>
    /// <exception cref="AtomicGroupException">It is not there, and this thread has a group open.</exception>
    public static PersistentList OpenOrCreate(PersistentHeap heap, string name) =>
        new(PersistentSortedMap.OpenAs(heap, name, TreeKind.List));

    /// <summary>Adds an element before the first one.</summary>
    /// <exception cref="ArgumentException">It is too long.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; nothing was changed.</exception>
    public void AddFirst(ReadOnlySpan<byte> element) => Add(element, last: false);

    /// <summary>Adds an element behind the last one.</summary>
    /// <inheritdoc cref="AddFirst" path="/exception"/>
    public void AddLast(ReadOnlySpan<byte> element) => Add(element, last: true);

    /// <summary>Puts an element in the place of the one with so many before it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is none.</exception>
    /// <inheritdoc cref="AddFirst" path="/exception"/>
    public void Set(long index, ReadOnlySpan<byte> element)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ListIndex at = new(index);
        SetValue set = new(element, null);
        if (!_map.MutateChosen(ref at, ref set))
        {
            throw OutOfRange(index);
        }
    }

    /// <summary>Adds an element so that so many are before it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are not so many.</exception>
    /// <inheritdoc cref="AddFirst" path="/exception"/>
    public void Insert(long index, ReadOnlySpan<byte> element)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ListGap gap = new(index);
        SetValue set = new(element, null);
        if (_map.MutateChosen(ref gap, ref set))
        {
            return;
        }

        if (gap.IsBehindEnd)
        {
            throw OutOfRange(index);
        }

        using JoinedGroup group = Heap.BeginOrJoin();
        new ListSpreading(_map).Spread(Math.Min(index, Count));
        if (!_map.MutateChosen(ref gap, ref set))
        {
            throw OutOfRange(index); // others removed elements before the group began
        }

        group.Commit();
    }

    /// <summary>Takes the first element away; false where there is none.</summary>
    public bool TryRemoveFirst(out byte[]? element) => TryTakeEnd(last: false, out element);

    /// <summary>As <see cref="TryRemoveFirst(out byte[])"/>, into a writer.</summary>
    public bool TryRemoveFirst(IBufferWriter<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        return Give(destination, TryRemoveFirst(out byte[]? element), element);
    }

    /// <summary>Takes the last element away; false where there is none.</summary>
    public bool TryRemoveLast(out byte[]? element) => TryTakeEnd(last: true, out element);

    /// <summary>As <see cref="TryRemoveLast(out byte[])"/>, into a writer.</summary>
    public bool TryRemoveLast(IBufferWriter<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        return Give(destination, TryRemoveLast(out byte[]? element), element);
    }

    /// <summary>Removes the element with so many before it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is none.</exception>
    public void RemoveAt(long index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ListIndex at = new(index);
        RemoveValue remove = default;
        if (!_map.MutateChosen(ref at, ref remove))
        {
            throw OutOfRange(index);
        }
    }

    /// <summary>Removes up to so many elements from one on, all or none over a crash; returns how many.</summary>
    /// <remarks>A group: other writers of the heap wait, and its log takes 24 bytes an element meanwhile.</remarks>
    public long RemoveRange(long index, long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (count == 0 || index >= Count)
        {
            return 0;
        }

        long removed;
        byte[] from;
        using (JoinedGroup group = Heap.BeginOrJoin())
        {
            removed = RemoveFrom(index, count, out from);
            group.Commit();
        }

        _map.Core.Writer.Thin(from);
        return removed;
    }

    /// <summary>
    /// Removes all but up to so many elements from one on, all or none; returns how many were removed.
    /// </summary>
    /// <inheritdoc cref="RemoveRange" path="/remarks"/>
    public long Trim(long index, long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        long removed;
        byte[] behind;
        using (JoinedGroup group = Heap.BeginOrJoin())
        {
            long end = Math.Min(Count, index) + Math.Min(count, Math.Max(0, Count - index));
            removed = RemoveFrom(end, long.MaxValue, out behind) + RemoveFrom(0, index, out _);
            group.Commit();
        }

        _map.Core.Writer.Thin(behind);
        _map.Core.Writer.Thin(default);
        return removed;
    }

    /// <summary>Removes all elements, all or none; returns how many.</summary>
    /// <inheritdoc cref="RemoveRange" path="/remarks"/>
    public long Clear() => RemoveRange(0, long.MaxValue);

    /// <summary>The element with so many before it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is none.</exception>
    public byte[] Get(long index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        SortedBatch found = _map.Core.Reader.Select(index);
        return found.Count > 0 ? found.Value(0).ToArray() : throw OutOfRange(index);
    }

    /// <summary>
    /// Copies the element with so many before it where it fits; false where there is none.
    /// </summary>
    /// <param name="index">Which.</param>
    /// <param name="destination">Where to; nothing is copied where the element is longer.</param>
    /// <param name="length">The element's length.</param>
    public bool TryGet(long index, Span<byte> destination, out int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        SortedBatch found = _map.Core.Reader.Select(index);
        ReadOnlySpan<byte> element = found.Count > 0 ? found.Value(0) : default;
        length = element.Length;
        _ = element.TryCopyTo(destination);
        return found.Count > 0;
    }

    /// <summary>Writes the element with so many before it to a writer; false where there is none.</summary>
    public bool TryGet(long index, IBufferWriter<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        SortedBatch found = _map.Core.Reader.Select(index);
        if (found.Count > 0)
        {
            destination.Write(found.Value(0));
        }

        return found.Count > 0;
    }

    /// <summary>The first element; false where there is none.</summary>
    public bool TryGetFirst(out byte[]? element) => TryGetEnd(last: false, out element);

    /// <summary>The last element; false where there is none.</summary>
    public bool TryGetLast(out byte[]? element) => TryGetEnd(last: true, out element);

    /// <summary>All elements, the first one first.</summary>
    public ElementCursor GetEnumerator() => new ValueCursor(_map.Scan(), long.MaxValue);

    /// <summary>Up to so many elements from one on, towards the end.</summary>
    public ElementCursor Scan(long index = 0, long count = long.MaxValue)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        SortedBatch first = _map.Core.Reader.Select(index);
        return first.Count == 0 ? Nothing() : new ValueCursor(_map.Scan(first.Key(0)), count);
    }

    /// <summary>All elements, the last one first.</summary>
    public ElementCursor ScanDescending() => new ValueCursor(_map.ScanDescending(), long.MaxValue);

    /// <summary>Up to so many elements from one on, towards the first one.</summary>
    public ElementCursor ScanDescending(long index, long count = long.MaxValue)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        SortedBatch first = _map.Core.Reader.Select(index);
        return first.Count == 0 ? Nothing() : new ValueCursor(new SortedMapCursor(_map.Core.Reader,
            new SortedBatch(first.Key(0).ToArray(), includesStart: true, null, descends: true)), count);
    }

    private static ArgumentOutOfRangeException OutOfRange(long index) => new(
        nameof(index), index, "The list has not so many elements. Nothing was changed. Count says how many there are.");

    private static bool Give(IBufferWriter<byte> destination, bool found, byte[]? element)
    {
        if (found)
        {
            destination.Write(element);
        }

        return found;
    }

    private ValueCursor Nothing() => new(_map.Scan(), 0);

    private void Add(ReadOnlySpan<byte> element, bool last)
    {
        ListEnd place = new(last, isNew: true);
        SetValue set = new(element, null);
        _map.MutateChosen(ref place, ref set);
    }

    private bool TryTakeEnd(bool last, out byte[]? element)
    {
        ListEnd place = new(last, isNew: false);
        TakeValue taken = default;
        bool isThere = _map.MutateChosen(ref place, ref taken);
        element = taken.Value;
        return isThere;
    }

    private bool TryGetEnd(bool last, out byte[]? element)
    {
        CopyOut end = default;
        bool isThere = _map.Core.Reader.TryReadEnd(last, ref end);
        element = isThere ? end.Value : null;
        return isThere;
    }

    private long RemoveFrom(long index, long count, out byte[] from)
    {
        SortedBatch first = _map.Core.Reader.Select(index);
        from = first.Count == 0 ? [] : first.Key(0).ToArray();
        long removed = 0;
        if (first.Count == 0)
        {
            return removed;
        }

        SortedMapCursor cursor = _map.Scan(from);
        for (; removed < count && cursor.MoveNext(); removed++)
        {
            _map.Remove(cursor.Current.Key);
        }

        return removed;
    }
}
