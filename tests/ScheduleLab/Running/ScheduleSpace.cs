using GuestMemFs.Arena;
using GuestMemFs.Heap;

namespace GuestMemFs.ScheduleLab.Running;

/// <summary>A heap's view of a <see cref="Memory"/>: the writer's, or that of a reader in another process. A reader's
/// ends where the heap did at the attach, until it looks for more.</summary>
internal sealed unsafe class ScheduleSpace(Memory memory, ulong epoch, long? seen = null) : IHeapSpace
{
    private long _length = seen ?? memory.Length;

    public byte* Base => memory.Base;

    public long Length => _length;

    public string Name => "lab";

    public bool IsWritable => seen is null;

    public ulong Epoch => epoch;

    public ulong Nonce => 42;

    public Guid ArenaId { get; } = new("0f8fad5b-d9cb-469f-a165-70867728950e");

    public UInt128 Seed => Scenario.Seed;

    public bool IsFormatted { get; init; } = true;

    /// <summary>Whether snapshots copy pages aside.</summary>
    public bool CopiesPages { get; init; }

    public RegionView MapAgain() => memory.MapAgain(CopiesPages);

    public long Follow() => _length = memory.Length;

    public void MarkFormatted()
    {
        // The lab's first open alone makes a heap, and it keeps the image after that.
    }

    public void EnsureBacked(long offset, long length)
    {
        if (offset < 0 || offset + length > memory.Length)
        {
            throw new ScheduleException($"memory is asked for outside of the heap: {offset}, {length} bytes");
        }
    }

    public void FillHoles(long end)
    {
        // No holes here.
    }
}
