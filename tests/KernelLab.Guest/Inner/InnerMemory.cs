using System.Diagnostics;
using System.Runtime.InteropServices;

namespace GuestMemFs.KernelLab.Guest.Inner;

/// <summary>
/// What a machine of tests/TinyGuest does, seen from outside in its memory. The places and the pattern are described in
/// its source.
/// </summary>
internal sealed class InnerMemory : IDisposable
{
    private const int Place = 0x8000;
    private const uint Mark = 0x31464D47;
    private const int PageWords = 1024;
    private const int First = 1 << 20;
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(8);
    private readonly PersistentRegion _region;

    /// <summary>Looks at a region; writes nothing.</summary>
    public InnerMemory(PersistentArena arena, string region) => _region = arena.OpenRegion(region, RegionKind.GuestRam);

    /// <summary>The number counted last.</summary>
    public uint Counted => Word(1);

    /// <summary>Pages written since the machine began.</summary>
    public uint Written => Word(2);

    private uint End => Word(3);

    private uint Pages => (End - First) / (PageWords * sizeof(uint));

    /// <summary>How many times it has written all of its memory.</summary>
    public uint Times => Written / Pages;

    public void WaitUntil(string what, Func<InnerMemory, bool> condition)
    {
        long since = Stopwatch.GetTimestamp();
        while (Word(0) != Mark || !condition(this))
        {
            Stage.Check(Stopwatch.GetElapsedTime(since) < s_limit,
                $"{_region.Name} did not come to {what}: mark {Word(0):x}, counted {Counted}, written {Written}");
            Thread.Sleep(5);
        }
    }

    /// <summary>
    /// Every word of a machine that stands still is what it must be: of this time up to the page that is being written,
    /// of the one before behind it. Gives that page's number.
    /// </summary>
    public uint CheckPattern()
    {
        Stage.Check(Word(0) == Mark && End == _region.Length,
            $"{_region.Name} begins with {Word(0):x} and ends at {End:x}");
        uint written = Written, pages = Pages, current = written % pages, time = (written / pages) + 1;
        Stage.Check(time > 1, $"{_region.Name} has not written all of its memory once");
        for (uint page = 0; page < pages; page++)
        {
            uint at = First + (page * PageWords * sizeof(uint));
            ReadOnlySpan<uint> words = MemoryMarshal.Cast<byte, uint>(_region.AsSpan(at, PageWords * sizeof(uint)));
            int now = page > current ? 0 : CountRight(words, at, time);
            Stage.Check(page >= current || now == PageWords,
                $"{_region.Name}: the word at {at + (now * 4):x} is {words[Math.Min(now, PageWords - 1)]:x}, not of " +
                $"time {time}; page {current} of {pages} is being written");
            int before = now + CountRight(words[now..], at + (uint)(now * 4), time - 1);
            Stage.Check(before == PageWords, $"{_region.Name}: the word at {at + (before * 4):x} " +
                $"is {words[Math.Min(before, PageWords - 1)]:x}, of time neither {time} nor {time - 1}; " +
                $"page {current} of {pages} is being written");
        }

        return written;
    }

    public void Dispose() => _region.Dispose();

    /// <summary>How many words from the first on are of a time.</summary>
    private static int CountRight(ReadOnlySpan<uint> words, uint at, uint time)
    {
        uint value = unchecked(at + (time * 0x9E3779B1));
        for (int i = 0; i < words.Length; i++, value = unchecked(value + sizeof(uint)))
        {
            if (words[i] != value)
            {
                return i;
            }
        }

        return words.Length;
    }

    private uint Word(int index) => Volatile.Read(
        ref MemoryMarshal.AsRef<uint>(_region.AsSpan(Place + (index * sizeof(uint)), sizeof(uint))));
}
