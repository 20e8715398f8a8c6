using System.Runtime.InteropServices;

namespace GuestMemFs.ScheduleLab.Running;

/// <summary>The bytes under a heap. A shadow of them tells what a store replaced; a hash over all words, kept up with
/// each store, tells states apart.</summary>
internal sealed unsafe class Memory : IDisposable
{
    private readonly byte* _shadow;

    public Memory(int length)
    {
        Length = length;
        Base = (byte*)NativeMemory.AlignedAlloc((nuint)length, 2 << 20);
        _shadow = (byte*)NativeMemory.AlignedAlloc((nuint)length, 4096);
    }

    public byte* Base { get; }

    public int Length { get; }

    /// <summary>Two states of one schedule with the same hash are taken for the same; 64 bits of it.</summary>
    public ulong Hash { get; private set; }

    public Span<byte> Bytes => new(Base, Length);

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
        NativeMemory.AlignedFree(Base);
        NativeMemory.AlignedFree(_shadow);
    }
}
