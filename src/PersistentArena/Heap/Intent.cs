using System.Numerics;
using System.Runtime.CompilerServices;

namespace GuestMemFs.Heap;

/// <summary>
/// Where the words of an intent lie in a lane (docs/format.md). The first cache line is all that most changes need.
/// </summary>
internal static class IntentWord
{
    /// <summary>0, or <see cref="Active"/> with flags and, in the upper half, a checksum of what the other words say:
    /// the store that makes the intent count, and the one that ends it. A recovery that followed damaged words would
    /// free what is in use.</summary>
    public const int Operation = 0;
    public const int Slot = 1;
    public const int Value = 2;
    public const int New = 3;
    public const int Old = 4;
    public const int Keys = 5;
    public const int Bytes = 6;
    public const int Expiring = 7;

    public const int Counters = 8;
    public const int SecondSlot = 9;
    public const int SecondValue = 10;

    /// <summary>Further new blocks.</summary>
    public const int MoreNew = 12;
    public const int MoreNewCount = 8;

    /// <summary>Further old blocks.</summary>
    public const int MoreOld = 20;
    public const int MoreOldCount = 4;

    /// <summary>Sealed offset of the block that holds the log of an atomic group; kept from group to group.</summary>
    public const int GroupLog = 24;

    /// <summary>State of the group and its number of entries: see <see cref="Heap.GroupLog"/>.</summary>
    public const int GroupState = 25;

    /// <summary>
    /// Sealed offsets of blocks that this lane has begun to fill and that no intent names yet; 0 for none. Only where
    /// the heap erases.
    /// </summary>
    public const int Filling = 26;
    public const int FillingCount = 6;

    public const uint Active = 1;
    public const uint HasCounters = 1 << 8;
    public const uint HasSecondSlot = 1 << 9;
    public const int MoreNewShift = 16;
    public const int MoreOldShift = 24;

    /// <summary>
    /// The operation word: the checksum is over the change (four words) and the rest, each by itself, which a processor
    /// works out side by side.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Seal(uint operation, uint change, uint rest) =>
        operation | ((ulong)BitOperations.Crc32C(BitOperations.Crc32C(0x494E_5445, change | ((ulong)rest << 32)),
            operation) << 32);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Check(ulong a, ulong b, ulong c, ulong d) =>
        BitOperations.Crc32C(BitOperations.Crc32C(BitOperations.Crc32C(BitOperations.Crc32C(0, a), b), c), d);

    /// <summary>What the operation word must be, for a lane's words as they are.</summary>
    public static unsafe ulong Seal(ulong* words)
    {
        uint operation = (uint)words[Operation];
        uint rest = (operation & HasCounters) != 0 ? Check(words[Counters], words[Keys], words[Bytes], words[Expiring])
            : 0;
        if ((operation & HasSecondSlot) != 0)
        {
            rest = BitOperations.Crc32C(BitOperations.Crc32C(rest, words[SecondSlot]), words[SecondValue]);
        }

        for (int i = 0; i < ((int)(operation >> MoreNewShift) & 0xFF) && i < MoreNewCount; i++)
        {
            rest = BitOperations.Crc32C(rest, words[MoreNew + i]);
        }

        for (int i = 0; i < (int)(operation >> MoreOldShift) && i < MoreOldCount; i++)
        {
            rest = BitOperations.Crc32C(rest, words[MoreOld + i]);
        }

        return Seal(operation, Check(words[Slot], words[Value], words[New], words[Old]), rest);
    }
}

/// <summary>
/// A change in flight: when the word at <see cref="Slot"/> holds <see cref="Value"/>, it happened, and the rest follows
/// (counters, second word, old blocks free); else it did not, and the new blocks are free again. This is all that
/// recovery knows, and all it needs.
/// </summary>
internal unsafe ref struct Intent
{
    /// <summary>Offset of the publishing word.</summary>
    public long Slot;

    /// <summary>What it is going to hold.</summary>
    public ulong Value;

    /// <summary>The block that is going to be allocated, or 0.</summary>
    public long New;

    /// <summary>The block that is going to be free, or 0.</summary>
    public long Old;

    /// <summary>Offset of a second word that is stored after the first, or 0.</summary>
    public long SecondSlot;

    public ulong SecondValue;

    /// <summary>Further blocks that are going to be allocated.</summary>
    public ReadOnlySpan<long> MoreNew;

    /// <summary>Further blocks that are going to be free, under <see cref="HeapFormat.SortedMaps"/>.</summary>
    public ReadOnlySpan<long> MoreOld;

    /// <summary>Offset of three counters (keys, bytes, expiring), or 0; and their values after.</summary>
    public long Counters;

    public long Keys;
    public long Bytes;
    public long Expiring;
}
