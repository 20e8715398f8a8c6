using System.Runtime.InteropServices;
using GuestMemFs.Format;
using GuestMemFs.Journal;

namespace GuestMemFs.Tests.Journal;

/// <summary>A journal in plain memory, with pictures of its bytes.</summary>
internal sealed unsafe class JournalMemory : IDisposable
{
    public const int Size = 1 << 20;

    private readonly byte* _start = (byte*)NativeMemory.AlignedAlloc(Size, 4096);

    public JournalMemory(bool stale = false)
    {
        new Span<byte>(_start, Size).Fill(stale ? (byte)0xA5 : (byte)0);
        Layout = new MetadataLayout(_start, new Superblock
        {
            Magic = Superblock.ArenaMagic,
            ArenaId = Guid.NewGuid(),
            HalfOffset = MetadataLayout.FirstHalf,
            HalfSize = MetadataLayout.MinimumHalf,
            MetadataSize = Size,
        });
        Persist.Publish(Layout.Epoch, SealedWord.Seal(1, Layout.Seed(WordKind.Epoch)));
        MetadataJournal.Format(Layout);
    }

    public MetadataLayout Layout { get; }

    public Span<byte> Bytes => new(_start, Size);

    public MetadataJournal Open() => Open(out _);

    public MetadataJournal Open(out List<AttachReason> findings)
    {
        findings = [];
        MetadataJournal journal = MetadataJournal.Open(Layout, "memory", findings);
        journal.Epoch = 1;
        return journal;
    }

    /// <summary>Has the journal begin anew, at another generation than 1.</summary>
    public void BeginAt(uint generation)
    {
        byte* half = Layout.Half(generation);
        uint seed = JournalHeader.SeedOf(Layout.Superblock.ArenaId, generation);
        ReadOnlySpan<byte> record = new Transaction().Set(ArenaState.Initial).Seal(sequence: 1, seed);
        JournalHeader.Invalidate(Layout.Half(generation + 1));
        Persist.Copy(half + JournalHeader.LogOffset, record);
        Persist.Publish((ulong*)(half + JournalHeader.TailOffset), SealedWord.Seal((uint)record.Length, seed));
        JournalHeader.Write(half, generation, Layout.Superblock.ArenaId, Layout.LogCapacity);
        Persist.Publish(Layout.Active, SealedWord.Seal(generation, Layout.Seed(WordKind.Active)));
    }

    /// <summary>All that the tables say, as text.</summary>
    public static string Describe(MetadataTables tables) => string.Join(
        '\n',
        tables.Regions.OrderBy(r => r.Entry.Id).Select(r => $"{r.Entry} [{string.Join(", ", r.Extents)}]")
            .Concat(tables.Extents.OrderBy(e => e.Id).Select(e => e.ToString()))
            .Append(tables.State.ToString()));

    /// <summary>What a fresh open of a picture says, or how it refuses.</summary>
    public string Reopen(ReadOnlySpan<byte> picture)
    {
        byte[] now = Bytes.ToArray();
        picture.CopyTo(Bytes);
        try
        {
            return Describe(Open().Tables);
        }
        catch (ArenaDamagedException e)
        {
            return e.ReasonCode;
        }
        finally
        {
            now.CopyTo(Bytes);
        }
    }

    public static RegionEntry Region(ulong id, string name, long length = 2 << 20) =>
        new(id, id * 7, name, RegionKind.Raw, RegionReserve.Full, length, length * 2, 2 << 20, 1234, Formatted: false);

    public static ExtentEntry Extent(ulong id, ulong region, uint ordinal = 0) =>
        new(id, id * 13, 4 << 20, 2 << 20, region, ordinal, ExtentState.InUse);

    public static Transaction Create(ulong id, string name) =>
        new Transaction().Put(Region(id, name)).Put(Extent(id, id));

    public void Dispose() => NativeMemory.AlignedFree(_start);
}
