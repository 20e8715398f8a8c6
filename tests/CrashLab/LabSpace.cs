using System.Runtime.InteropServices;
using GuestMemFs.Heap;

namespace GuestMemFs.CrashLab;

/// <summary>
/// Memory under a heap that can be set to any state a crash may have left: as the sink of a thread's stores it keeps
/// them in order, and goes back over them.
/// </summary>
internal sealed unsafe class LabSpace(long length) : StoreSink, IHeapSpace, IDisposable
{
    private readonly byte* _memory = (byte*)NativeMemory.AlignedAlloc((nuint)length, 2 << 20);
    private readonly byte[] _told = new byte[length]; // the memory, as the stores that are known have made it
    private readonly List<RecordedStore> _stores = [];

    public byte* Base => _memory;

    public long Length => length;

    public string Name => "lab";

    public bool IsWritable => true;

    public ulong Epoch { get; set; } = 1;

    public ulong Nonce => 42;

    public Guid ArenaId { get; } = new("0f8fad5b-d9cb-469f-a165-70867728950e");

    public UInt128 Seed => new(0x0123_4567_89AB_CDEF, 0xFEDC_BA98_7654_3210);

    public bool IsFormatted { get; set; }

    /// <summary>The memory. What is changed here is no store, and is not gone back over.</summary>
    public Span<byte> Bytes => new(_memory, (int)length);

    public MediumHoles Holes { get; } = new();

    /// <summary>How many stores are known: a point to go back to.</summary>
    public int Mark => _stores.Count;

    /// <summary>How many were known when the journal's mark was set.</summary>
    public int StoresBeforeMark { get; private set; }

    public override void Add(byte* at, long bytes, bool publishes)
    {
        if (bytes > 0)
        {
            Assert.True(at >= _memory && at + bytes <= _memory + length, "a store outside the memory under test");
            Know(at - _memory, new ReadOnlySpan<byte>(at, checked((int)bytes)), publishes);
        }
    }

    /// <summary>Makes a store again, or a part of one.</summary>
    public void Put(long offset, ReadOnlySpan<byte> bytes, bool publishes = false)
    {
        bytes.CopyTo(Bytes[(int)offset..]);
        Know(offset, bytes, publishes);
    }

    public void Put(in RecordedStore store) => Put(store.Offset, store.Bytes, store.Publishes);

    public RecordedStore[] Since(int mark) => [.. _stores.Skip(mark)];

    /// <summary>Takes back all stores after a point.</summary>
    public void GoBack(int mark)
    {
        for (int i = _stores.Count - 1; i >= mark; i--)
        {
            byte[] old = _stores[i].Old;
            old.CopyTo(_told.AsSpan((int)_stores[i].Offset));
            old.CopyTo(Bytes[(int)_stores[i].Offset..]);
        }

        _stores.RemoveRange(mark, _stores.Count - mark);
    }

    /// <summary>Forgets the way that led here.</summary>
    public void Settle() => _stores.Clear();

    /// <summary>Where the memory is not what the known stores have made it; -1 where it is.</summary>
    public int PastTheSeam() =>
        Bytes.CommonPrefixLength(_told) is var equal && equal < length ? equal : -1;

    public void MarkFormatted()
    {
        IsFormatted = true;
        StoresBeforeMark = Mark;
    }

    public void EnsureBacked(long offset, long backed)
    {
        Assert.True(offset >= 0 && offset + backed <= length);
        if (Holes.Meet(offset, backed))
        {
            throw new ArenaOutOfSpaceException("The lab's medium is full.", backed, 0);
        }
    }

    public (long Offset, long Length) FirstHeld(long offset, long held) => Holes.FirstHeld(offset, held);

    public void FillHoles(long end) => Assert.InRange(end, 0, length);

    /// <summary>Memory that somebody used before, without a heap.</summary>
    public void MakeStale()
    {
        Bytes.Fill(0xA5);
        Bytes.CopyTo(_told);
        _stores.Clear();
        (Epoch, IsFormatted) = (1, false);
    }

    /// <summary>The memory as it is.</summary>
    public Image Capture() => new(Bytes.ToArray(), Epoch, IsFormatted);

    /// <summary>Puts a state there, for an attach with the next epoch.</summary>
    public void Load(Image image)
    {
        image.Bytes.CopyTo(Bytes);
        image.Bytes.CopyTo(_told, 0);
        _stores.Clear();
        Rewind(image);
    }

    /// <summary>As <see cref="Load"/>, where the bytes are there already.</summary>
    public void Rewind(Image image)
    {
        Epoch = image.Epoch + 1;
        IsFormatted = image.IsFormatted;
    }

    public void Dispose() => NativeMemory.AlignedFree(_memory);

    private void Know(long offset, ReadOnlySpan<byte> bytes, bool publishes)
    {
        Span<byte> told = _told.AsSpan((int)offset, bytes.Length);
        _stores.Add(new RecordedStore(offset, told.ToArray(), bytes.ToArray(), publishes));
        bytes.CopyTo(told);
    }
}

/// <summary>A state of the memory, with the epoch of the attach that left it.</summary>
internal sealed record Image(byte[] Bytes, ulong Epoch, bool IsFormatted);
