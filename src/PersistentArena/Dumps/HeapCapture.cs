using System.Diagnostics;
using System.Runtime.CompilerServices;
using GuestMemFs.Heap;
using GuestMemFs.Native;

namespace GuestMemFs.Dumps;

/// <summary>
/// Copies a heap beside its writers so that the copy is of one instant: everything once while they write, then again
/// and again the pages that were stored to meanwhile. The last of these while the heap stands still, into memory: for
/// as long as that takes writers wait, and neither for the rest of the heap nor for the file.
/// </summary>
/// <remarks>
/// <para>Invariant: what the kernel reports as stored to since it was last asked is copied after it was asked. So a
/// page whose copy is older than its bytes is reported the next time, and none is left when nothing can be stored to.
/// </para>
/// <para>The copy holds no change in flight, for there is none. What is noted of an earlier attach (a parked group)
/// is copied as it is, and recovered where the copy is opened.</para>
/// </remarks>
internal sealed unsafe class HeapCapture
{
    /// <summary>How often pages are copied again before it is given up.</summary>
    private const int MostRounds = 32;

    /// <summary>Bytes a second, until a copy was timed: a busy machine's.</summary>
    private const double FirstRate = 1e9;

    // Without the kernel's help writers wait for the file too.
    private const double RateIntoFiles = 4e8;

    private static readonly ConditionalWeakTable<PersistentHeap, object> s_underWay = [];

    private readonly PersistentHeap _heap;
    private readonly DumpOptions _options;
    private readonly CancellationToken _cancelled;
    private readonly List<(long At, long Length)> _pending = [];
    private long _covered;
    private double _rate = FirstRate;

    private HeapCapture(PersistentHeap heap, DumpOptions options, CancellationToken cancellationToken)
    {
        _heap = heap;
        _options = options;
        _cancelled = cancellationToken;
    }

    private IHeapSpace Space => _heap.Space;

    /// <summary>Writes a dump of the heap.</summary>
    /// <param name="heap">The heap; this process is its writer.</param>
    /// <param name="header">Makes the header, where so many bytes are in use.</param>
    /// <param name="to">Where the dump is written, from where it stands.</param>
    /// <param name="options">How long writers may wait.</param>
    /// <param name="tracked">False to do without the kernel's help, as where it gives none.</param>
    /// <param name="cancellationToken">Ends it with nothing changed.</param>
    /// <returns>The trailer, and the dump's bytes.</returns>
    public static (DumpTrailer Trailer, long Written) Run(PersistentHeap heap, Func<long, DumpHeader> header, Stream to,
        DumpOptions options, bool tracked, CancellationToken cancellationToken)
    {
        if (!s_underWay.TryAdd(heap, new object()))
        {
            throw new DumpUnderWayException(heap.Space.Name);
        }

        try
        {
            HeapCapture capture = new(heap, options, cancellationToken);
            using StoreTracker? tracker = tracked ? capture.BeginTracking() : null;
            return tracker is null ? capture.CopyStill(header, to) : capture.CopyTracked(header, to, tracker);
        }
        finally
        {
            s_underWay.Remove(heap);
        }
    }

    // By whole huge pages, where the mapping is made of them.
    private StoreTracker? BeginTracking() =>
        StoreTracker.TryBegin((nint)Space.Base, Space.Length)
        ?? StoreTracker.TryBegin((nint)Space.Base, (Space.Length + PageSizes.Huge2M - 1) & -PageSizes.Huge2M);

    private (DumpTrailer Trailer, long Written) CopyTracked(
        Func<long, DumpHeader> header, Stream to, StoreTracker tracker)
    {
        _covered = _heap.FrontierBytes;
        long tracked = Space.Length;
        DumpWriter writer = new(to, header(_covered));
        CopyAll(writer, _covered);
        for (int round = 1; ; round++)
        {
            long bytes = TakeStored(tracker, tracked);
            WritePending(writer);
            TimeSpan expected = TimeSpan.FromSeconds(bytes / _rate);
            if (expected <= _options.MaximumPause)
            {
                if (TryEnd(writer, tracker, tracked, out DumpTrailer trailer))
                {
                    return (trailer, writer.Written);
                }
            }

            if (round == MostRounds)
            {
                throw new DumpPauseException(Space.Name, expected, _options.MaximumPause,
                    "it is written to faster than it can be copied");
            }
        }
    }

    // The whole of it while writers wait.
    private (DumpTrailer Trailer, long Written) CopyStill(Func<long, DumpHeader> header, Stream to)
    {
        (DumpTrailer Trailer, long Written) result = default;
        _heap.WhileStill(() =>
        {
            long start = Stopwatch.GetTimestamp();
            long used = _heap.FrontierBytes;
            TimeSpan expected = TimeSpan.FromSeconds(used / RateIntoFiles);
            if (expected > _options.MaximumPause)
            {
                throw new DumpPauseException(Space.Name, expected, _options.MaximumPause,
                    "the kernel does not tell which pages change (that takes Linux 6.7, and userfaultfd allowed)");
            }

            DateTimeOffset taken = DateTimeOffset.UtcNow;
            DumpWriter writer = new(to, header(used));
            CopyAll(writer, used);
            DumpTrailer trailer = new(Space.Length, used, taken, Stopwatch.GetElapsedTime(start));
            writer.End(trailer);
            result = (trailer, writer.Written);
        });
        return result;
    }

    private void CopyAll(DumpWriter writer, long used) =>
        writer.WriteBlocks(used, Copy, _options.Progress, _cancelled);

    private void Copy(long at, Span<byte> to) => new ReadOnlySpan<byte>(Space.Base + at, to.Length).CopyTo(to);

    /// <summary>
    /// Takes what was stored to since the last time, and what was handed out since. What lies behind the frontier is
    /// nobody's; what lies behind the end of what is tracked was added since, and is taken each time.
    /// </summary>
    private long TakeStored(StoreTracker tracker, long tracked)
    {
        _pending.Clear();
        long bytes = 0;
        long frontier = _heap.FrontierBytes;
        long known = Math.Min(_covered, tracked);
        try
        {
            tracker.Take((at, length) => bytes += Add(at, Math.Min(at + length, known)));
        }
        catch (MediumException)
        {
            _heap.ThrowIfClosed(); // and its memory is perhaps unmapped
            throw;
        }

        bytes += Add(known, frontier);
        _covered = frontier;
        return bytes;
    }

    private long Add(long from, long end)
    {
        if (from >= end)
        {
            return 0;
        }

        _pending.Add((from, end - from));
        return end - from;
    }

    private void WritePending(DumpWriter writer)
    {
        long copied = 0;
        long ticks = 0;
        foreach ((long at, int length) in PendingParts())
        {
            _cancelled.ThrowIfCancellationRequested();
            long start = Stopwatch.GetTimestamp();
            Copy(at, writer.Data(length));
            ticks += Stopwatch.GetTimestamp() - start;
            copied += length;
            writer.WritePages(at, length);
        }

        if (ticks > 0)
        {
            _rate = copied * (double)Stopwatch.Frequency / ticks;
        }
    }

    private IEnumerable<(long At, int Length)> PendingParts() =>
        _pending.SelectMany(range => DumpWriter.Parts(range.At, range.Length));

    /// <summary>
    /// Copies what is left while nothing is stored. False where that would take longer than it may: then writers went
    /// on at once, and what was taken was copied beside them.
    /// </summary>
    private bool TryEnd(DumpWriter writer, StoreTracker tracker, long tracked, out DumpTrailer trailer)
    {
        byte[]? copy = null;
        DumpTrailer end = default;
        _heap.WhileStill(() =>
        {
            long start = Stopwatch.GetTimestamp();
            DateTimeOffset taken = DateTimeOffset.UtcNow;
            long bytes = TakeStored(tracker, tracked);
            if (bytes <= Array.MaxLength && TimeSpan.FromSeconds(bytes / _rate) <= _options.MaximumPause)
            {
                copy = CopyPending(bytes);
                end = new DumpTrailer(Space.Length, _covered, taken, Stopwatch.GetElapsedTime(start));
            }
        });
        trailer = end;
        if (copy is null)
        {
            WritePending(writer);
            return false;
        }

        int from = 0;
        foreach ((long at, int length) in PendingParts())
        {
            copy.AsSpan(from, length).CopyTo(writer.Data(length));
            writer.WritePages(at, length);
            from += length;
        }

        writer.End(trailer);
        return true;
    }

    private byte[] CopyPending(long bytes)
    {
        byte[] copy = GC.AllocateUninitializedArray<byte>((int)bytes);
        int to = 0;
        foreach ((long at, long length) in _pending)
        {
            Copy(at, copy.AsSpan(to, (int)length));
            to += (int)length;
        }

        return copy;
    }
}
