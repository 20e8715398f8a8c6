using System.Text;
using GuestMemFs.Collections;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.CrashLab.Damage;

/// <summary>
/// A heap with a log of several segments and with positions: at rest behind groups, or killed in a group that is open,
/// is being committed, or goes back.
/// </summary>
internal sealed unsafe class LogDamageImage
{
    public const long Length = 2 << 20;
    public const string AtRest = "at rest";
    public const string InOpenGroup = "in an open group";
    public const string InCommit = "in a commit";
    public const string OnTheWayBack = "on the way back";

    private readonly bool _goesBack; // the next writer needs the notes

    private LogDamageImage(Image image, bool goesBack)
    {
        Image = image;
        _goesBack = goesBack;
    }

    /// <summary>What a group appends first.</summary>
    public static ReadOnlySpan<byte> InGroup => "first in the group"u8;

    /// <summary>What it appends then: a segment of its own.</summary>
    public static byte[] AlsoInGroup => Value(20, 900);

    public static string[] Names { get; } = [AtRest, InOpenGroup, InCommit, OnTheWayBack];

    public Image Image { get; }

    /// <summary>What is damaged, part by part.</summary>
    public List<DamagedPart> Metadata { get; } = [];

    public static LogDamageImage Build(string name)
    {
        using LabSpace space = new(Length);
        space.MakeStale();
        Persist.Trace = space;
        try
        {
            PersistentLog log = Open(PersistentHeap.Open(space));
            Fill(log);
            Cut(name, log, space);
            LogDamageImage image = new(space.Capture(), name is InOpenGroup or OnTheWayBack);
            image.Map(space, name == AtRest);
            return image;
        }
        finally
        {
            Persist.Trace = null;
        }
    }

    /// <summary>Opens the log or makes it; its clock stands still.</summary>
    public static PersistentLog Open(PersistentHeap heap) => PersistentLog.OpenOrCreate(
        heap, "log", new() { TimeProvider = DictionaryLab.StoppedTime.Instance });

    private static void Fill(PersistentLog log)
    {
        for (int i = 0; i < 8; i++)
        {
            log.Append(Value(i, 120 + (i * 20)));
        }

        log.TrimToCount(6);
        log.SetPosition("one", log.LastId);
        log.SetPosition("two", new LogEntryId(1, 2));
        using (AtomicGroup back = log.BeginAtomic())
        {
            log.Append("goes back"u8);
        }

        using AtomicGroup group = log.BeginAtomic();
        log.Append("in a group"u8);
        group.Commit();
    }

    private static void Cut(string name, PersistentLog log, LabSpace space)
    {
        if (name == AtRest)
        {
            return;
        }

        AtomicGroup group = log.BeginAtomic();
        log.Append(InGroup);
        log.SetPosition("one", new LogEntryId(3, 4));
        log.TrimToCount(3);
        log.Append(AlsoInGroup);
        log.RemovePosition("two");
        log.SetPosition("three", new LogEntryId(5, 6));
        int open = space.Mark;
        if (name == InCommit)
        {
            group.Commit();
        }

        group.Dispose();
        space.GoBack(name == InOpenGroup ? open : (open + space.Mark) / 2);
    }

    private static byte[] Value(int number, int length) =>
        Encoding.UTF8.GetBytes(new string((char)('a' + number), length));

    // What a group in flight changes the meaning of; the rest is as in the image at rest.
    private void Map(LabSpace space, bool all)
    {
        for (int word = 0; word < HeapFormat.LaneLength; word += sizeof(ulong))
        {
            Add("lane", HeapFormat.LanesOffset + word, sizeof(ulong));
        }

        PageTable table = new(space);
        long frontier = new HeapFrontier(space).Read();
        for (long page = HeapFormat.FirstPage; page < frontier; page += table[page].Count)
        {
            PageDescriptor descriptor = table[page];
            for (int i = 0; i < descriptor.Blocks; i++)
            {
                MapBlock(space, (page << HeapFormat.PageShift) + (i * descriptor.BlockSize), all);
            }
        }
    }

    private void MapBlock(LabSpace space, long at, bool all)
    {
        ulong header = *(ulong*)(space.Base + at);
        switch (BlockHeader.TypeOf(header))
        {
            case BlockHeader.TypeLog:
                LogRoot root = new(space.Base, at);
                Add("root", at, LogRoot.Size);
                Promised("the word for its open group", space, root.GroupWord);
                Promised("the word for its directory", space, root.DirectoryWord);
                if (all)
                {
                    Promised("the word for its first entry", space, root.FirstWord); // of a group: in its note
                }

                break;
            case BlockHeader.TypeLogNote:
                // Without its type it is a free block, and the change that it is of was never begun.
                Metadata.Add(new DamagedPart("note", at + 1, LogNote.Size - 1, _goesBack ? Promise.Open
                    : Promise.Nothing));
                break;
            case BlockHeader.TypeOwnedGroupLog:
                Add("group log", at, (int)GroupLog.BlockSize(8));
                break;
            case BlockHeader.TypeLogPosition:
                Add("position", at, LogPosition.Size);
                break;
            case BlockHeader.TypeLogDirectory when all:
                Add("directory", at, (int)BlockHeader.SizeOf(header));
                break;
            case BlockHeader.TypeLogSegment when all:
                Add("segment", at, (int)BlockHeader.SizeOf(header));
                break;
        }
    }

    // A process that reads refuses it, whatever a group may be doing.
    private void Promised(string what, LabSpace space, ulong* word) =>
        Metadata.Add(new DamagedPart(what, (byte*)word - space.Base, sizeof(ulong), Promise.Use));

    private void Add(string what, long offset, int length) =>
        Metadata.Add(new DamagedPart(what, offset, length, Promise.Nothing));
}
