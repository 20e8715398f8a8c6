using System.Numerics;
using System.Runtime.CompilerServices;

namespace GuestMemFs.Collections;

/// <summary>
/// Which slots of a leaf are in use, in the order of their keys: twelve numbers of four bits, the first one lowest, 15
/// for none. It fits a sealed word, so that a record comes or goes with one store.
/// </summary>
internal readonly struct SlotOrder(ulong bits)
{
    public const int Slots = 12;

    private const int Bits = 4;
    private const ulong None = (1UL << (Slots * Bits)) - 1;
    private const ulong Ones = 0x1111_1111_1111;
    private const ulong Highs = 0x8888_8888_8888;

    private readonly ulong _bits = bits;

    public static SlotOrder Empty => new(None);

    public ulong Value => _bits;

    public int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Slots - ((BitOperations.LeadingZeroCount(~_bits & None) - (64 - (Slots * Bits))) / Bits);
    }

    /// <summary>The slot at a position below <see cref="Count"/>.</summary>
    public int this[int position]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (int)(_bits >> (position * Bits)) & 15;
    }

    /// <summary>The first so many slots, in use in their own order.</summary>
    public static SlotOrder Rising(int count)
    {
        SlotOrder order = Empty;
        for (int i = 0; i < count; i++)
        {
            order = order.Insert(i, i);
        }

        return order;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Contains(int slot)
    {
        ulong equal = _bits ^ (Ones * (ulong)slot); // four zero bits where the slot is
        return ((equal - Ones) & ~equal & Highs) != 0;
    }

    /// <summary>A slot that is not in use. There must be one.</summary>
    public int FreeSlot()
    {
        uint used = 0;
        for (ulong rest = _bits; rest != 0; rest >>= Bits)
        {
            used |= 1u << (int)(rest & 15);
        }

        return BitOperations.TrailingZeroCount(~used);
    }

    public SlotOrder Insert(int position, int slot)
    {
        int at = position * Bits;
        ulong low = _bits & ((1UL << at) - 1);
        ulong high = (_bits >> at) << (at + Bits);
        return new((high | ((ulong)slot << at) | low) & None);
    }

    public SlotOrder RemoveAt(int position)
    {
        int at = position * Bits;
        ulong low = _bits & ((1UL << at) - 1);
        ulong high = (_bits >> (at + Bits)) << at;
        return new(high | low | (15UL << ((Slots - 1) * Bits)));
    }

    /// <summary>The position of a slot, or -1.</summary>
    public int PositionOf(int slot)
    {
        int count = Count;
        for (int i = 0; i < count; i++)
        {
            if (this[i] == slot)
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>True where each slot stands there once and the rest is 15.</summary>
    public bool IsValid()
    {
        uint used = 0;
        int count = Count;
        for (int i = 0; i < Slots; i++)
        {
            int slot = this[i];
            bool fits = i < count ? slot < Slots && (used & (1u << slot)) == 0 : slot == 15;
            if (!fits)
            {
                return false;
            }

            used |= 1u << slot;
        }

        return true;
    }
}
