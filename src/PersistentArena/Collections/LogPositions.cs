using System.Text;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// The named positions of a log: a list of blocks. Readers take no lock; changes are made under the log's.
/// </summary>
internal sealed unsafe class LogPositions(LogMemory memory)
{
    // More than a heap has room for: a list that is longer leads back into itself.
    private const int MaximumPositions = 1 << 24;

    /// <summary>Reads a position; false where there is none of that name.</summary>
    public bool TryGet(ReadOnlySpan<byte> name, out LogEntryId id)
    {
        for (SpinWait spin = default; ; spin.SpinOnce())
        {
            ulong version = memory.Version;
            Volatile.ReadBarrier();
            id = default;
            bool whole = TryFind(name, out LogPosition position, out _);
            bool exists = whole && position.Offset != 0;
            long number = 0;
            bool intact = exists ? position.TryId(out number, out id) : whole;
            Volatile.ReadBarrier();
            bool moved = exists && SealedOffset.Get(Volatile.Read(ref *position.NumberWord)) != number;
            if (memory.Version == version && !moved)
            {
                memory.ThrowIfGone();
                return intact ? exists : throw Damaged();
            }
        }
    }

    /// <summary>All names.</summary>
    public List<string> Names()
    {
        for (SpinWait spin = default; ; spin.SpinOnce())
        {
            ulong version = memory.Version;
            Volatile.ReadBarrier();
            List<string> names = [];
            bool whole = TryWalk(position => names.Add(Encoding.UTF8.GetString(position.Name)));
            Volatile.ReadBarrier();
            if (memory.Version == version)
            {
                memory.ThrowIfGone();
                return whole ? names : throw Damaged();
            }
        }
    }

    /// <summary>Goes through the list; false where something in it does not check.</summary>
    public bool TryWalk(Action<LogPosition> visit)
    {
        if (!TryFirst(out long offset))
        {
            return false;
        }

        for (int i = 0; offset != 0; i++)
        {
            if (i == MaximumPositions || !TryPosition(offset, out LogPosition position))
            {
                return false;
            }

            visit(position);
            if (!position.TryNext(out offset))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// The position of a name, or one at offset 0, and the word that leads to it; false where the list does not check.
    /// </summary>
    public bool TryFind(ReadOnlySpan<byte> name, out LogPosition found, out ulong* word)
    {
        found = default;
        word = memory.Root.PositionsWord;
        if (!TryFirst(out long offset))
        {
            return false;
        }

        for (int i = 0; offset != 0; i++)
        {
            if (i == MaximumPositions || !TryPosition(offset, out LogPosition position))
            {
                return false;
            }

            if (position.Name.SequenceEqual(name))
            {
                found = position;
                return true;
            }

            word = position.NextWord;
            if (!position.TryNext(out offset))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The position of a name, or one at offset 0. Under the lock.</summary>
    public LogPosition Find(ReadOnlySpan<byte> name) =>
        TryFind(name, out LogPosition found, out _) ? found : throw Damaged();

    /// <summary>Changes a position's id.</summary>
    public void Set(in LogPosition position, LogEntryId id)
    {
        if (!position.TryId(out long number, out _))
        {
            throw Damaged();
        }

        ulong* place = position.IdAt(number + 1);
        Persist.Store(place, id.Milliseconds);
        Persist.Store(place + 1, id.Sequence);
        Persist.Publish(position.NumberWord, position.NumberFor(number + 1, id)); // COMMIT POINT: log position
    }

    /// <summary>Fills a block that becomes a position.</summary>
    public void Fill(Lane lane, long block, ReadOnlySpan<byte> name, LogEntryId id)
    {
        lane.BeginFill(block);
        LogPosition position = new(memory.At(0), block);
        position.Fill(name, id);
    }

    /// <summary>Makes a filled block the first position.</summary>
    public void Add(Lane lane, long block)
    {
        LogPosition position = new(memory.At(0), block);
        Link(position);
        ulong word = Word(memory.Root.PositionsWord, block);
        Intent intent = new() { Slot = memory.OffsetOf(memory.Root.PositionsWord), Value = word, New = block };
        lane.Begin(intent);
        Persist.Publish(position.HeaderWord, LogPosition.Header);
        Persist.Publish(memory.Root.PositionsWord, word); // COMMIT POINT: log position new
        lane.Finish(intent);
    }

    /// <summary>Makes a position part of the list again, from which a group had taken it.</summary>
    public void AddBack(long block)
    {
        LogPosition position = new(memory.At(0), block);
        Link(position);
        ulong word = Word(memory.Root.PositionsWord, block);
        Persist.Publish(memory.Root.PositionsWord, word); // COMMIT POINT: log position back
    }

    /// <summary>
    /// Takes a position out of the list. Its block is free afterwards where <paramref name="frees"/>.
    /// </summary>
    public void Remove(Lane lane, ReadOnlySpan<byte> name, bool frees)
    {
        if (!TryFind(name, out LogPosition position, out ulong* leads) || !position.TryNext(out long next))
        {
            throw Damaged();
        }

        ulong word = Word(leads, next);
        Intent intent = new() { Slot = memory.OffsetOf(leads), Value = word, Old = frees ? position.Offset : 0 };
        lane.Begin(intent);
        Persist.Publish(leads, word); // COMMIT POINT: log position out
        memory.Bump();
        lane.Finish(intent);
        if (frees)
        {
            memory.Heap.Blocks.Give(lane, position.Offset, LogPosition.Size);
        }
    }

    /// <summary>True where the list leads to a block.</summary>
    public bool Contains(long block)
    {
        bool found = false;
        return TryWalk(position => found |= position.Offset == block) ? found : throw Damaged();
    }

    private void Link(in LogPosition position) =>
        Persist.Store(
            position.NextWord,
            TryFirst(out long first) ? position.NextFor(first) : throw Damaged());

    // A sealed offset's place is its word's own.
    private ulong Word(ulong* at, long block) => SealedOffset.Seal(block, memory.OffsetOf(at));

    private bool TryFirst(out long offset) =>
        SealedOffset.TryOpen(
            Volatile.Read(ref *memory.Root.PositionsWord), memory.OffsetOf(memory.Root.PositionsWord), out offset);

    private bool TryPosition(long offset, out LogPosition position)
    {
        position = new LogPosition(memory.At(0), offset);
        return memory.TryBlock(offset, BlockHeader.TypeLogPosition, out long size)
            && size == LogPosition.Size && position.HasName;
    }

    private HeapDamagedException Damaged() =>
        memory.Damaged(memory.OffsetOf(memory.Root.PositionsWord), "the list of a log's positions does not check");
}
