using System.Runtime.InteropServices;
using GuestMemFs.Heap;

namespace GuestMemFs.CrashLab;

/// <summary>Memory under a heap that can be set to any state a crash may have left.</summary>
internal sealed unsafe class LabSpace(long length) : IHeapSpace, IDisposable
{
    private readonly byte* _memory = (byte*)NativeMemory.AlignedAlloc((nuint)length, 2 << 20);

    public byte* Base => _memory;

    public long Length => length;

    public string Name => "lab";

    public bool IsWritable => true;

    public ulong Epoch { get; private set; } = 1;

    public ulong Nonce => 42;

    public Guid ArenaId { get; } = new("0f8fad5b-d9cb-469f-a165-70867728950e");

    public UInt128 Seed => new(0x0123_4567_89AB_CDEF, 0xFEDC_BA98_7654_3210);

    public bool IsFormatted { get; private set; }

    public Span<byte> Bytes => new(_memory, (int)length);

    /// <summary>How many stores the thread's trace had when the journal's mark was set.</summary>
    public int StoresBeforeMark { get; private set; }

    public void MarkFormatted()
    {
        IsFormatted = true;
        StoresBeforeMark = (Format.Persist.Trace as StoreTrace)?.Stores.Count ?? 0;
    }

    public void EnsureBacked(long offset, long backed) => Assert.True(offset >= 0 && offset + backed <= length);

    public void FillHoles(long end) => Assert.InRange(end, 0, length);

    /// <summary>The memory as it is.</summary>
    public Image Capture() => new(Bytes.ToArray(), Epoch, IsFormatted);

    /// <summary>Puts a state there, for an attach with the next epoch.</summary>
    public void Load(Image image)
    {
        image.Bytes.CopyTo(Bytes);
        Epoch = image.Epoch + 1;
        IsFormatted = image.IsFormatted;
    }

    /// <summary>As <see cref="Load"/>, where the bytes are there already.</summary>
    public void Rewind(Image image)
    {
        Epoch = image.Epoch + 1;
        IsFormatted = image.IsFormatted;
    }

    public void Dispose() => NativeMemory.AlignedFree(_memory);
}

/// <summary>A state of the memory, with the epoch of the attach that left it.</summary>
internal sealed record Image(byte[] Bytes, ulong Epoch, bool IsFormatted);
