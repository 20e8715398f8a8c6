using GuestMemFs.Collections;
using GuestMemFs.Heap;

namespace GuestMemFs.Tests.Collections;

/// <summary>Where a log's words may lead, and what a walk says of words that lead elsewhere.</summary>
public sealed unsafe class LogMemoryTests
{
    private const int Entries = 150;
    private const long Length = 4 << 20;

    [Theory]
    [InlineData(Length - 64, 64, true)]
    [InlineData(Length - 64, 80, false)]
    [InlineData(Length - 16, 16, true)]
    [InlineData(Length - 16, 32, false)]
    [InlineData(Length - 8, 16, false)]
    [InlineData(Length, 16, false)]
    [InlineData(0, 16, false)]
    [InlineData(-16, 16, false)]
    [InlineData(Length - 64, 0, false)]
    [InlineData(Length - 64, 8, false)]
    public void A_block_lies_within_the_memory(long offset, long size, bool isThere)
    {
        using PlainSpace space = new(Length, capacity: 2 * Length);
        LogMemory memory = Open(space, out _);
        if (offset > 0)
        {
            *(ulong*)(space.Base + offset) = BlockHeader.Sized(BlockHeader.TypeLogSegment, size);
        }

        Assert.Equal(isThere, memory.TryBlock(offset, BlockHeader.TypeLogSegment, out long found));
        Assert.False(isThere && found != size);
        Assert.False(memory.TryBlock(offset, BlockHeader.TypeLogDirectory, out _));
    }

    [Theory]
    [InlineData((2 * Length) - 64, 64, true)]
    [InlineData((2 * Length) - 64, 80, false)]
    [InlineData(2 * Length, 16, false)]
    [InlineData(Length - 64, 128, true)]
    public void A_block_may_lie_in_what_the_memory_has_grown_by(long offset, long size, bool isThere)
    {
        using PlainSpace space = new(Length, capacity: (2 * Length) + 4096);
        LogMemory memory = Open(space, out _);
        *(ulong*)(space.Base + offset) = BlockHeader.Sized(BlockHeader.TypeLogSegment, size);
        Assert.False(memory.TryBlock(offset, BlockHeader.TypeLogSegment, out _));

        space.Length = 2 * Length;

        Assert.Equal(isThere, memory.TryBlock(offset, BlockHeader.TypeLogSegment, out _));
    }

    [Fact]
    public void A_walk_over_any_damaged_word_reads_all_or_says_that_it_is_damaged()
    {
        using PlainSpace space = new(Length);
        LogMemory memory = Open(space, out PersistentLog log);
        LogEntryId[] ids = [.. Enumerable.Range(0, Entries).Select(i => log.Append(new byte[i % 50]))];
        log.TrimToCount(Entries - 20);
        ids = ids[20..];
        int refused = 0;
        foreach (long offset in Places(memory))
        {
            ulong* word = (ulong*)(space.Base + offset);
            ulong before = *word;
            foreach (ulong change in (ulong[])[1, 1 << 8, 1UL << 40, ulong.MaxValue])
            {
                *word = before ^ change;
                refused += Walk(log, ids, $"the word at {offset} changed by {change:X}");
            }

            *word = before;
        }

        Assert.InRange(refused, 1000, int.MaxValue);
        Assert.Equal(0, Walk(log, ids, "nothing is damaged"));
    }

    private static LogMemory Open(PlainSpace space, out PersistentLog log)
    {
        PersistentHeap heap = PersistentHeap.Open(space);
        log = PersistentLog.OpenOrCreate(heap, "log");
        return new LogMemory(heap, new LogRoot(heap.Base, heap.FindRoot("log", LogRoot.Layout)));
    }

    // Each word of the directory, of its segments, and those of the root that lead there.
    private static List<long> Places(LogMemory memory)
    {
        Assert.True(memory.TryDirectory(out LogDirectory directory));
        Assert.True(directory.TrySpan(out int head, out int end));
        Assert.True(end - head > 2);
        List<long> places =
        [
            memory.OffsetOf(memory.Root.DirectoryWord), memory.OffsetOf(memory.Root.FirstWord),
            directory.Offset, memory.OffsetOf(directory.SpanWord),
        ];
        for (int slot = head; slot < end; slot++)
        {
            places.Add(memory.OffsetOf(directory.Slot(slot)));
            Assert.True(memory.TrySegment(directory, slot, out LogSegment segment));
            Assert.True(segment.TryTail(out long used, out int count));
            places.AddRange(Words(segment.Offset, used));
            places.AddRange(Words(segment.Offset + segment.Size - LogSegment.MarksOf(count),
                LogSegment.MarksOf(count)));
        }

        return places;
    }

    private static IEnumerable<long> Words(long offset, long length) =>
        Enumerable.Range(0, (int)(length / sizeof(ulong))).Select(i => offset + (i * sizeof(ulong)));

    // How many of the walks said that the log is damaged.
    private static int Walk(PersistentLog log, LogEntryId[] ids, string damage)
    {
        int refused = 0;
        foreach (bool descends in (bool[])[false, true])
        {
            List<LogEntryId> seen = [];
            try
            {
                foreach (LogEntry entry in descends ? log.ReadDescending() : log.Read())
                {
                    seen.Add(entry.Id);
                }
            }
            catch (HeapDamagedException)
            {
                refused++;
                continue;
            }

            Assert.True(seen.SequenceEqual(descends ? ids.Reverse() : ids),
                $"{seen.Count} of {ids.Length} entries {(descends ? "backwards" : "forwards")} where {damage}");
        }

        return refused;
    }
}
