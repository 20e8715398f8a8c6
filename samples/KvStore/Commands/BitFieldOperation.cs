namespace KvStore.Commands;

internal enum BitFieldKind
{
    Get,
    Set,
    Increment,
}

/// <summary>What becomes of a number that has no room.</summary>
internal enum BitFieldOverflow
{
    Wrap,
    Saturate,
    Fail,
}

/// <summary>One operation of BITFIELD: an integer of some bits, from a bit of a string on, the highest first.</summary>
internal readonly record struct BitFieldOperation
{
    /// <summary>Bytes that an integer may be spread over.</summary>
    public const int MostBytes = 9;

    public BitFieldKind Kind { get; init; }

    public BitFieldOverflow Overflow { get; init; }

    public bool IsSigned { get; init; }

    public int Bits { get; init; }

    public long Offset { get; init; }

    public long Operand { get; init; }

    public long LastBit => Offset + Bits - 1;

    private Int128 Most => (Int128.One << (IsSigned ? Bits - 1 : Bits)) - 1;

    private Int128 Least => IsSigned ? -(Int128.One << (Bits - 1)) : 0;

    /// <summary>The integer that is there; behind the end all bits are 0.</summary>
    public long Read(ReadOnlySpan<byte> value)
    {
        ulong bits = 0;
        for (long at = Offset; at <= LastBit; at++)
        {
            int index = (int)(at >> 3);
            uint bit = index < value.Length ? (uint)value[index] >> (int)(7 - (at & 7)) & 1 : 0;
            bits = (bits << 1) | bit;
        }

        return Extended(bits);
    }

    /// <summary>Does it; null where it fails. There is room.</summary>
    public long? Run(Span<byte> value)
    {
        long old = Read(value);
        if (Kind == BitFieldKind.Get)
        {
            return old;
        }

        Int128 wanted =
            Kind == BitFieldKind.Increment ? (Int128)old + Operand
            : IsSigned ? Operand
            : (Int128)(ulong)Operand;
        bool fits = wanted >= Least && wanted <= Most;
        if (!fits && Overflow == BitFieldOverflow.Fail)
        {
            return null;
        }

        long stored = fits ? (long)wanted
            : Overflow == BitFieldOverflow.Wrap ? Extended((ulong)(wanted & ulong.MaxValue))
            : (long)(wanted > Most ? Most : Least);
        Write(value, (ulong)stored);
        return Kind == BitFieldKind.Set ? old : stored;
    }

    private void Write(Span<byte> value, ulong bits)
    {
        for (long at = LastBit; at >= Offset; at--, bits >>= 1)
        {
            ref byte part = ref value[(int)(at >> 3)];
            int mask = 0x80 >> (int)(at & 7);
            part = (byte)((bits & 1) != 0 ? part | mask : part & ~mask);
        }
    }

    /// <summary>The lowest bits as the integer that they are.</summary>
    private long Extended(ulong bits)
    {
        int rest = 64 - Bits;
        return IsSigned ? (long)(bits << rest) >> rest : (long)(bits << rest >> rest);
    }
}
