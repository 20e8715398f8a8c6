using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>Frees what a deleted log holds: its segments, their directory, its positions.</summary>
internal sealed unsafe class LogEmptying(PersistentHeap heap, long root) : IEmptying
{
    private readonly LogMemory _memory = new(heap, new LogRoot(heap.Base, root));

    public bool Step(Lane lane, int steps)
    {
        for (; steps > 0; steps--)
        {
            if (!TryFreeSegment(lane) && !TryFreePosition(lane))
            {
                return true;
            }
        }

        return false;
    }

    // The directory goes when it names none any more.
    private bool TryFreeSegment(Lane lane)
    {
        int head = 0;
        int end = 0;
        if (!_memory.TryDirectory(out LogDirectory directory)
            || (directory.Offset != 0 && !directory.TrySpan(out head, out end)))
        {
            throw _memory.Damaged();
        }

        if (directory.Offset == 0)
        {
            return false;
        }

        if (head == end)
        {
            Free(lane, _memory.Root.DirectoryWord, 0, new Piece(directory.Offset, directory.Size));
            return true;
        }

        return _memory.TrySegment(directory, head, out LogSegment segment)
            ? Free(lane, directory.SpanWord, directory.SpanFor(head + 1, end), new Piece(segment.Offset, segment.Size))
            : throw _memory.Damaged();
    }

    private bool TryFreePosition(Lane lane)
    {
        ulong* word = _memory.Root.PositionsWord;
        long place = _memory.OffsetOf(word);
        if (!SealedOffset.TryOpen(*word, place, out long offset))
        {
            throw _memory.Damaged();
        }

        LogPosition position = new(_memory.At(0), offset);
        return offset != 0 && (_memory.TryBlock(offset, BlockHeader.TypeLogPosition, out _)
            && position.TryNext(out long next)
            ? Free(lane, word, SealedOffset.Seal(next, place), new Piece(offset, LogPosition.Size))
            : throw _memory.Damaged());
    }

    private bool Free(Lane lane, ulong* word, ulong value, Piece piece)
    {
        Intent intent = new() { Slot = _memory.OffsetOf(word), Value = value, Old = piece.Offset };
        lane.Begin(intent);
        Persist.Publish(word, value); // COMMIT POINT: deleted piece of a log
        lane.Finish(intent);
        heap.Blocks.Give(lane, piece.Offset, piece.Size);
        return true;
    }

    private readonly record struct Piece(long Offset, long Size);
}
