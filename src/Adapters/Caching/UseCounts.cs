using System.Numerics;

namespace GuestMemFs.Caching;

/// <summary>
/// About how often keys were used of late: counters of four bits, four of them for a key, of which the smallest counts
/// (a count-min sketch; Einziger, Friedman, Manes, "TinyLFU", 2017). All are halved once ten uses an entry were
/// counted.
/// </summary>
/// <remarks>
/// In the process's memory: a hit stores nothing in the arena, and a restart forgets it. Threads may lose each other's
/// counts; nothing but the choice of what goes hangs on them.
/// </remarks>
internal sealed class UseCounts
{
    public const int Most = 15;

    private const int CountersAWord = 16;
    private const int BitsACounter = 4;
    private const int UsesAWord = 10;
    private const ulong LowBits = 0x7777_7777_7777_7777;

    private readonly ulong[] _words;
    private int _uses;

    /// <param name="entries">About how many entries there may be.</param>
    public UseCounts(long entries) =>
        _words = new ulong[BitOperations.RoundUpToPowerOf2((ulong)Math.Clamp(entries, 1 << 10, 1 << 22))];

    /// <summary>A key was used.</summary>
    public void Add(ulong hash)
    {
        for (int i = 0; i < 4; i++)
        {
            (int word, int shift) = Place(hash, i);
            ulong bits = Volatile.Read(ref _words[word]);
            if (((bits >> shift) & Most) < Most)
            {
                Volatile.Write(ref _words[word], bits + (1UL << shift));
            }
        }

        if (Interlocked.Increment(ref _uses) == UsesAWord * _words.Length)
        {
            Halve();
        }
    }

    /// <summary>About how often, at most <see cref="Most"/>; never less than it was counted since the last halving.
    /// </summary>
    public int Of(ulong hash)
    {
        int least = Most;
        for (int i = 0; i < 4; i++)
        {
            (int word, int shift) = Place(hash, i);
            least = Math.Min(least, (int)((Volatile.Read(ref _words[word]) >> shift) & Most));
        }

        return least;
    }

    // Four words, and within each a counter of the key's quarter.
    private (int Word, int Shift) Place(ulong hash, int i)
    {
        ulong mixed = (hash + (ulong)i) * 0x9E37_79B9_7F4A_7C15;
        mixed ^= mixed >> 32;
        int counter = (i * CountersAWord / 4) + (int)((mixed >> 40) & 3);
        return ((int)(mixed & (ulong)(_words.Length - 1)), counter * BitsACounter);
    }

    private void Halve()
    {
        for (int i = 0; i < _words.Length; i++)
        {
            _words[i] = (_words[i] >> 1) & LowBits;
        }

        Volatile.Write(ref _uses, UsesAWord * _words.Length / 2);
    }
}
