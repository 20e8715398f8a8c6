using System.Runtime.InteropServices;
using GuestMemFs.Format;

namespace GuestMemFs.Journal;

/// <summary>A reader's copy of the journal, taken beside a living writer without a lock.</summary>
internal static unsafe class JournalSnapshot
{
    private const int Attempts = 200;

    /// <summary>
    /// Copies the half in force and checks afterwards that it still is: a half is only ever rewritten when it is not in
    /// force, so an unchanged active word proves the copy whole.
    /// </summary>
    /// <exception cref="ArenaBusyException">The writer compacted during each of the attempts.</exception>
    public static JournalImage Take(MetadataLayout layout, string where, out ulong version)
    {
        uint wordSeed = layout.Seed(WordKind.Active);
        byte[] copy = [];
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            ulong active = Words.Read(layout.Active);
            if (!SealedWord.TryOpen(active, wordSeed, out uint generation))
            {
                version = 0;
                return JournalImage.ReadNewest(layout, where);
            }

            byte* half = layout.Half(generation);
            uint seed = JournalHeader.SeedOf(layout.Superblock.ArenaId, generation);
            ulong tailWord = Words.Read((ulong*)(half + JournalHeader.TailOffset));
            int log = SealedWord.TryOpen(tailWord, seed, out uint tail) ? (int)Math.Min(tail, (uint)layout.LogCapacity)
                : layout.LogCapacity;
            int length = JournalHeader.LogOffset + log;
            if (copy.Length < length)
            {
                copy = GC.AllocateUninitializedArray<byte>(
                    Math.Min(length + (length / 4), JournalHeader.LogOffset + layout.LogCapacity));
            }

            new ReadOnlySpan<byte>(half, length).CopyTo(copy);
            MemoryMarshal.Write(copy.AsSpan(JournalHeader.TailOffset), tailWord);
            Interlocked.MemoryBarrier();
            if (Words.Read(layout.Active) == active)
            {
                version = Version(active, tailWord);
                fixed (byte* start = copy)
                {
                    return JournalImage.Read(start, generation, layout.Superblock.ArenaId, log, where);
                }
            }

            Thread.Sleep(attempt < 20 ? 0 : 1);
        }

        throw new ArenaBusyException(where, Attempts);
    }

    /// <summary>
    /// A number that changes whenever something was committed: two loads, cheap enough for each look-up.
    /// </summary>
    public static ulong Version(MetadataLayout layout)
    {
        ulong active = Words.Read(layout.Active);
        return SealedWord.TryOpen(active, layout.Seed(WordKind.Active), out uint generation)
            ? Version(active, Words.Read((ulong*)(layout.Half(generation) + JournalHeader.TailOffset)))
            : 0;
    }

    private static ulong Version(ulong active, ulong tail) => (active * 0x9E37_79B9_7F4A_7C15) ^ tail;
}
