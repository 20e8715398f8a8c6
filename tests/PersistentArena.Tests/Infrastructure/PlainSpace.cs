using System.Runtime.InteropServices;
using GuestMemFs.Heap;

namespace GuestMemFs.Tests;

/// <summary>
/// Plain memory in place of a region: full of stale bytes, and it can be "crashed": copied as it is and attached again.
/// </summary>
internal sealed unsafe class PlainSpace : IHeapSpace, IDisposable
{
    private readonly void* _memory;
    private readonly long _capacity;
    private readonly PlainSpace? _owner;

    public PlainSpace(long length, long capacity = 0, byte stale = 0xA5)
    {
        _capacity = Math.Max(length, capacity);
        _memory = NativeMemory.AlignedAlloc((nuint)_capacity, 2 << 20);
        Length = length;
        if (_capacity <= 64 << 20)
        {
            NativeMemory.Fill(_memory, (nuint)_capacity, stale);
        }
    }

    private PlainSpace(PlainSpace other, bool writable, ulong epoch)
    {
        _owner = other;
        _capacity = other._capacity;
        _memory = other._memory;
        Length = other.Length;
        Epoch = epoch;
        IsWritable = writable;
        IsFormatted = other.IsFormatted;
    }

    private PlainSpace(PlainSpace other, ulong epoch)
    {
        _capacity = other._capacity;
        _memory = NativeMemory.AlignedAlloc((nuint)_capacity, 2 << 20);
        Buffer.MemoryCopy(other._memory, _memory, _capacity, _capacity);
        Length = other.Length;
        Epoch = epoch;
        IsFormatted = other.IsFormatted;
    }

    public byte* Base => (byte*)_memory;

    public long Length { get; set; }

    public string Name
    {
        get
        {
            Named?.Invoke();
            return "plain";
        }
    }

    /// <summary>Called where somebody asks for the name: what is about to say that it found damage does.</summary>
    public Action? Named { get; set; }

    public bool IsWritable { get; } = true;

    public ulong Epoch { get; set; } = 1;

    public ulong Nonce => 42;

    public Guid ArenaId { get; } = new("6f9619ff-8b86-d011-b42d-00cf4fc964ff");

    public UInt128 Seed => new(0x0123_4567_89AB_CDEF, 0xFEDC_BA98_7654_3210);

    public bool IsFormatted { get; private set; }

    /// <summary>Room that the pretended medium still has.</summary>
    public long MediumRoom { get; set; } = long.MaxValue;

    public MediumHoles Holes { get; } = new();

    /// <summary>How often the pretended medium was asked and had none.</summary>
    public int MediumRefusals { get; private set; }

    public void MarkFormatted() => IsFormatted = true;

    public void FillHoles(long end)
    {
    }

    public void EnsureBacked(long offset, long length)
    {
        if (offset + length > MediumRoom || Holes.Meet(offset, length))
        {
            MediumRefusals++;
            throw new ArenaOutOfSpaceException("The pretended medium is full.", length, 0);
        }
    }

    public (long Offset, long Length) FirstHeld(long offset, long length) =>
        Holes.FirstHeld(offset, length);

    /// <summary>The memory as a crash at this moment leaves it, for a new attach.</summary>
    public PlainSpace Crash() => new(this, Epoch + 1);

    /// <summary>The same memory as a reader in another process has it.</summary>
    public PlainSpace Reader() => new(this, writable: false, Epoch);

    /// <summary>The same memory as the next writer has it, where this one was killed.</summary>
    public PlainSpace NextWriter() => new(this, writable: true, Epoch + 1);

    public void Dispose()
    {
        if (_owner is null)
        {
            NativeMemory.AlignedFree(_memory);
        }
    }
}
