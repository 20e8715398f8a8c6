using GuestMemFs.Heap;

namespace GuestMemFs.CrashLab;

/// <summary>The same memory as a process has it that reads.</summary>
internal sealed unsafe class ReadingSpace(LabSpace space) : IHeapSpace
{
    public byte* Base => space.Base;

    public long Length => space.Length;

    public string Name => space.Name;

    public bool IsWritable => false;

    public ulong Epoch => space.Epoch;

    public ulong Nonce => space.Nonce;

    public Guid ArenaId => space.ArenaId;

    public UInt128 Seed => space.Seed;

    public bool IsFormatted => space.IsFormatted;

    public void MarkFormatted() => throw new NotSupportedException();

    public void EnsureBacked(long offset, long backed) => throw new NotSupportedException();

    public void FillHoles(long end) => throw new NotSupportedException();
}
