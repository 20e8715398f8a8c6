using System.Runtime.InteropServices;
using GuestMemFs.Arena;
using GuestMemFs.Native;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.ScheduleLab.Running;

/// <summary>The bytes under a heap. A shadow of them tells what a store replaced; a hash over all words, kept up with
/// each store, tells states apart. They lie in a file of memory, so that a snapshot can map them again.</summary>
internal sealed unsafe class Memory : IDisposable
{
    private const long Alignment = 2 << 20;

    private readonly byte* _shadow;
    private readonly AddressReservation _range;
    private readonly SafeFileHandle _file;

    public Memory(int length)
    {
        Length = length;
        _file = new SafeFileHandle(Libc.MemfdCreate("schedule", Libc.MFD_CLOEXEC), ownsHandle: true);
        Assert.Equal(0, Libc.FTruncate(_file, length));
        _range = Map(Libc.MAP_SHARED);
        Base = (byte*)_range.Address;
        _shadow = (byte*)NativeMemory.AlignedAlloc((nuint)length, 4096);
    }

    public byte* Base { get; }

    public int Length { get; }

    /// <summary>Two states of one schedule with the same hash are taken for the same; 64 bits of it.</summary>
    public ulong Hash { get; private set; }

    public Span<byte> Bytes => new(Base, Length);

    /// <summary>Maps the bytes a second time.</summary>
    /// <param name="copies">Whether the kernel is not to copy pages, as on media without private mappings.</param>
    public RegionView MapAgain(bool copies) =>
        new(Map(copies ? Libc.MAP_SHARED : Libc.MAP_PRIVATE), Length, IsPrivate: !copies);

    public void Load(ReadOnlySpan<byte> image) => image.CopyTo(Bytes);

    /// <summary>What is there now is where a schedule begins.</summary>
    public void Begin()
    {
        Bytes.CopyTo(new Span<byte>(_shadow, Length));
        Hash = 0;
    }

    public void Set(Worker by, ulong* at, ulong value)
    {
        *at = value;
        Changed(by, (int)((byte*)at - Base));
    }

    public void Copy(Worker by, byte* to, ReadOnlySpan<byte> from)
    {
        from.CopyTo(new Span<byte>(to, from.Length));
        Wrote(by, to, from.Length);
    }

    public void Wrote(Worker by, byte* at, long length)
    {
        int end = (int)(at - Base + length);
        for (int offset = (int)(at - Base) & -8; offset < end; offset += sizeof(ulong))
        {
            Changed(by, offset);
        }
    }

    private void Changed(Worker by, int offset)
    {
        ulong* shadow = (ulong*)(_shadow + offset);
        ulong old = *shadow;
        ulong now = *(ulong*)(Base + offset);
        if (old != now)
        {
            by.Floating.Add((offset, old));
            Hash ^= Mix(offset, old) ^ Mix(offset, now);
            *shadow = now;
        }
    }

    public static ulong Mix(long a, ulong b)
    {
        ulong x = (b ^ ((ulong)a * 0x9E37_79B9_7F4A_7C15)) + 0x1234_5678_9ABC_DEF1;
        x = (x ^ (x >> 30)) * 0xBF58_476D_1CE4_E5B9;
        x = (x ^ (x >> 27)) * 0x94D0_49BB_1331_11EB;
        return x ^ (x >> 31);
    }

    public void Dispose()
    {
        _range.Dispose();
        _file.Dispose();
        NativeMemory.AlignedFree(_shadow);
    }

    private AddressReservation Map(int flags)
    {
        AddressReservation range = new(Length, Alignment);
        nint at = Libc.MMap(range.Address, (nuint)Length, Libc.PROT_READ | Libc.PROT_WRITE, flags | Libc.MAP_FIXED,
            (int)_file.DangerousGetHandle(), 0);
        Assert.Equal(range.Address, at);
        return range;
    }
}
