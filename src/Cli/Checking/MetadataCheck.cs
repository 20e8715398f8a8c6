using GuestMemFs.Cli.Infrastructure;
using GuestMemFs.Regions;

namespace GuestMemFs.Cli.Checking;

/// <summary>What of the metadata file does not check. All but a refusal is mended by the next writer.</summary>
internal static class MetadataCheck
{
    public static IEnumerable<Finding> Findings(MetadataInspection it)
    {
        string file = it.FileName;
        if (it.Refusal is { } refusal)
        {
            yield return Finding.Of(refusal, file);
            yield break;
        }

        if (file != ExtentFiles.MetadataName)
        {
            yield return Finding.Note(ReasonCodes.FilesRenamed, file, $"The metadata lies in this file, not in {ExtentFiles.MetadataName}, and was known by its identity.");
        }

        if (!it.FirstCopyIntact || !it.SecondCopyIntact)
        {
            yield return Finding.Warning(ReasonCodes.SuperblockRepaired, file, $"The superblock's {(it.FirstCopyIntact ? "second" : "first")} copy does not check; the other one does.");
        }

        if (!it.IdentityIntact)
        {
            yield return Finding.Warning(ReasonCodes.MetadataIdentityRepaired, file, "The identity block does not check; after a kexec the file could not be found under another name.");
        }

        if (!it.ActiveWordIntact)
        {
            yield return Finding.Warning(ReasonCodes.ActiveWordRepaired, file, "The word that names the journal half in force does not check; it was worked out from the halves.");
        }

        if (it.Journal is { HeaderDamaged: true })
        {
            yield return Finding.Warning(ReasonCodes.JournalHeaderRepaired, file, "The journal's header does not check; its tail word and records do.");
        }

        if (it.Journal is { TailDamaged: true })
        {
            yield return Finding.Warning(ReasonCodes.TailWordRepaired, file, "The journal's tail word does not check; its records were followed to their end.");
        }

        if (!it.EpochWordIntact)
        {
            yield return Finding.Warning(ReasonCodes.LeaseRepaired, file, "The lease's epoch does not check; the journal has it too.");
        }

        if (it.Closed == ClosedState.Damaged)
        {
            yield return Finding.Warning(ReasonCodes.StateWordDamaged, file, "The word that says open or clean does not check; the arena is taken as not closed.");
        }

        if (it is { Closed: ClosedState.Open, HasLiveWriter: false })
        {
            yield return Finding.Note(ReasonCodes.NotClosed, file, $"The last writer{(it.Writer is { } w ? $" (process {w.ProcessId})" : string.Empty)} did not close the arena. That is what arenas are for.");
        }
    }
}
