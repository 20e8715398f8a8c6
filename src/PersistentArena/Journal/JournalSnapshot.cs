using GuestMemFs.Format;

namespace GuestMemFs.Journal;

/// <summary>A reader's copy of the journal, taken beside a living writer without a lock.</summary>
internal static unsafe class JournalSnapshot
{
    private const int Attempts = 200;

    /// <summary>Copies the half in force, again where a writer put the other one in force meanwhile.</summary>
    /// <exception cref="ArenaBusyException">The writer compacted during each of the attempts.</exception>
    public static JournalImage Take(MetadataLayout layout, string where, out ulong version)
    {
        JournalCopy copy = new(layout);
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            if (!copy.TryTake())
            {
                version = 0;
                return JournalImage.ReadNewest(layout, where);
            }

            if (copy.IsWhole)
            {
                version = copy.Version;
                return copy.Read(where);
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
            ? JournalCopy.VersionOf(active, Words.Read((ulong*)(layout.Half(generation) + JournalHeader.TailOffset)))
            : 0;
    }
}
