using GuestMemFs.Collections;
using GuestMemFs.Format;
using GuestMemFs.Heap;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Inspection;

/// <summary>What inspection and the deep check say of a log.</summary>
public sealed unsafe class LogInspectionTests
{
    private const int Entries = 500;

    /// <summary>A fault, and a word of what the deep check says of it.</summary>
    public static TheoryData<string, string> Faults => new()
    {
        { "value", "does not match its checksum" },
        { "id", "is not above the one before" },
        { "length", "does not end within" },
        { "tail", "does not check" },
        { "tail of less", "its entries end at" },
        { "mark", "the mark of entry" },
        { "index", "it begins with entry" },
        { "first", "the word for its first entry" },
        { "first behind the end", "its first entry would be" },
        { "span", "span of its directory" },
        { "slot", "of its directory does not check" },
        { "slot twice", "is reached twice" },
        { "directory", "its directory does not check" },
        { "position", "list of positions" },
        { "position's id", "list of positions" },
        { "leak", "a leak" },
    };

    [Fact]
    public void A_log_is_named_with_its_figures()
    {
        using PlainSpace space = new(16 << 20);
        PersistentLog log = Fill(space);
        log.TrimToCount(100);

        HeapSnapshot heap = HeapReader.Read(space.Reader());

        HeapRootSnapshot root = Assert.Single(heap.Roots);
        Assert.Equal(("log", HeapRootKind.Log), (root.Name, root.Kind));
        LogFigures figures = root.Log!.Value;
        Assert.Equal((100, 2, log.LastId), (figures.Entries, figures.Positions, figures.LastId));
        Assert.InRange(figures.Segments, 1, 4);
        Assert.Equal(
            HeapFormat.GroupsOfSeveral | HeapFormat.Logs, *(ulong*)(space.Base + HeapFormat.IncompatOffset));
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public void The_deep_check_tells_what_is_wrong(string fault, string said)
    {
        using PlainSpace space = new(16 << 20);
        PersistentLog log = Fill(space);
        Assert.Empty(HeapVerifier.Verify(log.Heap, TestContext.Current.CancellationToken));

        Break(log.Heap, fault);

        IReadOnlyList<string> problems = HeapVerifier.Verify(log.Heap, TestContext.Current.CancellationToken);
        Assert.Contains(problems, problem => problem.Contains(said, StringComparison.Ordinal));
    }

    private static PersistentLog Fill(PlainSpace space)
    {
        PersistentLog log = PersistentLog.OpenOrCreate(PersistentHeap.Open(space), "log");
        for (int i = 0; i < Entries; i++)
        {
            log.Append(new byte[40]);
        }

        log.SetPosition("one", log.LastId);
        log.SetPosition("two", log.LastId);
        return log;
    }

    private static void Break(PersistentHeap heap, string fault)
    {
        LogRoot root = new(heap.Base, heap.FindRoot("log", LogRoot.Layout));
        LogMemory memory = new(heap, root);
        Assert.True(memory.TryDirectory(out LogDirectory directory));
        Assert.True(directory.TrySpan(out int head, out int end));
        Assert.True(memory.TrySegment(directory, 1, out LogSegment second));
        Assert.True(second.TryTail(out long used, out int count));
        ulong* entry = (ulong*)second.At(LogSegment.HeadLength);
        switch (fault)
        {
            case "value":
                entry[4]++;
                break;
            case "id":
                entry[1] = 1;
                break;
            case "length":
                entry[0] = 100_000;
                break;
            case "tail":
                *second.TailWord ^= 8;
                break;
            case "tail of less":
                *second.TailWord = second.TailFor(used, count - 1);
                break;
            case "mark":
                *second.Mark(0) = second.MarkFor(0, LogSegment.HeadLength + 8);
                break;
            case "index":
                *second.FirstWord = second.FirstFor(3);
                break;
            case "first":
                *root.FirstWord = 1;
                break;
            case "first behind the end":
                *root.FirstWord = root.FirstFor(Entries + 1);
                break;
            case "span":
                *directory.SpanWord ^= 1;
                break;
            case "slot":
                *directory.Slot(1) ^= 16;
                break;
            case "slot twice":
                *directory.Slot(0) = directory.SlotFor(0, second.Offset);
                break;
            case "directory":
                *root.DirectoryWord ^= 32;
                break;
            case "position":
                *root.PositionsWord ^= 64;
                break;
            case "position's id":
                SealedOffset.TryOpen(*root.PositionsWord, PlaceOf(root), out long position);
                new LogPosition(heap.Base, position).IdAt(1)[0]++;
                break;
            default:
                *directory.SpanWord = directory.SpanFor(head + 1, end);
                break;
        }

        static long PlaceOf(LogRoot root) => root.Offset + ((byte*)root.PositionsWord - (byte*)root.HeaderWord);
    }
}
