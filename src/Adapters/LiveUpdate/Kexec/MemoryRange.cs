using System.Globalization;

namespace GuestMemFs.LiveUpdate.Kexec;

/// <summary>A range of physical memory.</summary>
/// <param name="Start">Its first address.</param>
/// <param name="Length">Bytes.</param>
internal readonly record struct MemoryRange(ulong Start, ulong Length)
{
    public ulong End => Start + Length;

    public bool Covers(MemoryRange other) => Start <= other.Start && End >= other.End;

    public bool Overlaps(MemoryRange other) => Start < other.End && other.Start < End;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"0x{Start:x}-0x{End - 1:x}");
}
