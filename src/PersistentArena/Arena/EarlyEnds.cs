using System.Globalization;
using GuestMemFs.Format;
using GuestMemFs.Native;

namespace GuestMemFs.Arena;

/// <summary>
/// Counts writers that ended early, in one word of the metadata. An attach raises it, and one store takes it back once
/// the writer has lived for long. A clean close needs no store: the state word says that nothing is to be counted.
/// </summary>
internal static unsafe class EarlyEnds
{
    /// <summary>
    /// How many writers before the next one ended early, in a row. The first of them may have lived for long: a writer
    /// that finds no early end sets no timer for its own sake.
    /// </summary>
    public static int Of(MetadataLayout layout)
    {
        bool clean = SealedWord.TryOpen(Words.Read(layout.Epoch), layout.Seed(WordKind.Epoch), out uint newest)
            && WriterLock.IsClosed(layout, newest);
        bool underThisKernel = WriterRecord.TryRead(layout.WriterRecord, out WriterRecord last)
            && last.BootId == ProcessIdentity.Current.BootId;
        bool counts = !clean && underThisKernel;
        return counts && SealedWord.TryOpen(Words.Read(layout.Attaches), layout.Seed(WordKind.Attaches), out uint count)
            ? (int)Math.Min(count, int.MaxValue - 1)
            : 0;
    }

    /// <summary>Counts the writer that attaches now, and says how many before it ended early.</summary>
    public static int Begin(MetadataLayout layout, int limit, List<AttachReason> reasons)
    {
        int early = Of(layout);
        ulong begun = SealedWord.Seal((uint)early + 1, layout.Seed(WordKind.Attaches));
        Persist.Publish(layout.Attaches, begun); // COMMIT POINT: early end counted
        if (early >= limit)
        {
            string text = $"{Text(early)}: something in it may end them. 'gmfs check --deep' looks.";
            reasons.Add(new(ReasonCodes.EarlyEnds, text));
        }

        return early;
    }

    /// <summary>It has lived for long: neither it nor those before it count.</summary>
    public static void Settle(MetadataLayout layout)
    {
        ulong settled = SealedWord.Seal(0, layout.Seed(WordKind.Attaches));
        Persist.Publish(layout.Attaches, settled); // COMMIT POINT: early ends forgotten
    }

    /// <summary>The beginning of a sentence about them.</summary>
    public static string Text(int early) => string.Create(
        CultureInfo.InvariantCulture,
        $"The arena's last {early} writers ended soon after they had attached, without closing it");
}
