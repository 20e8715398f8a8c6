namespace GuestMemFs.Inspection;

/// <summary>Says what of the metadata file does not check. All but a refusal is mended by the next writer.</summary>
internal static class MetadataVerifier
{
    /// <summary>What is wrong with it.</summary>
    public static IEnumerable<ArenaFinding> Findings(ArenaSnapshot arena)
    {
        MetadataSnapshot parts = arena.Metadata;
        string file = parts.FileName;
        if (arena.Refusal is { } refusal)
        {
            return [ArenaFinding.Of(refusal, FindingScope.Metadata, file)];
        }

        var findings = new List<ArenaFinding>();
        if (file != MetadataSnapshot.UsualFileName)
        {
            findings.Add(Note(
                ReasonCodes.FilesRenamed, file,
                $"The metadata lies in this file, not in {MetadataSnapshot.UsualFileName}, "
                + "and was known by its identity."));
        }

        if (arena is { Condition: ArenaCondition.NotClosed, Metadata.IsStateWordIntact: true })
        {
            string process = arena.Writer is { } writer ? $" (process {writer.ProcessId})" : string.Empty;
            findings.Add(Note(
                ReasonCodes.NotClosed, file,
                $"The last writer{process} did not close the arena. That is what arenas are for."));
        }

        findings.AddRange(Damage(parts).Select(damage =>
            new ArenaFinding(FindingSeverity.Warning, damage.Code, FindingScope.Metadata, file, damage.Text)));
        return findings;
    }

    private static ArenaFinding Note(string code, string file, string text) =>
        new(FindingSeverity.Note, code, FindingScope.Metadata, file, text);

    private static IEnumerable<(string Code, string Text)> Damage(MetadataSnapshot parts)
    {
        if (!parts.IsFirstCopyIntact || !parts.IsSecondCopyIntact)
        {
            string which = parts.IsFirstCopyIntact ? "second" : "first";
            yield return (
                ReasonCodes.SuperblockRepaired,
                $"The superblock's {which} copy does not check; the other one does.");
        }

        if (!parts.IsIdentityIntact)
        {
            yield return (
                ReasonCodes.MetadataIdentityRepaired,
                "The identity block does not check; after a kexec the file could not be found under another name.");
        }

        if (!parts.IsActiveWordIntact)
        {
            yield return (
                ReasonCodes.ActiveWordRepaired,
                "The word that names the journal half in force does not check; it was worked out from the halves.");
        }

        if (parts.JournalHalves.Any(half => half is { IsInForce: true, IsHeaderIntact: false }))
        {
            yield return (
                ReasonCodes.JournalHeaderRepaired,
                "The journal's header does not check; its tail word and records do.");
        }

        if (parts.JournalHalves.Any(half => half is { IsInForce: true, IsTailIntact: false }))
        {
            yield return (
                ReasonCodes.TailWordRepaired,
                "The journal's tail word does not check; its records were followed to their end.");
        }

        if (!parts.IsEpochWordIntact)
        {
            yield return (ReasonCodes.EpochRepaired, "The writer's epoch does not check; the journal has it too.");
        }

        if (!parts.IsStateWordIntact)
        {
            yield return (
                ReasonCodes.StateWordDamaged,
                "The word that says open or clean does not check; the arena is taken as not closed.");
        }
    }
}
