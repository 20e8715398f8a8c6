namespace GuestMemFs.Cli.Facts;

/// <summary>
/// What to type next, by reason code; the library's messages speak to programmers, these to whoever is at the keyboard.
/// </summary>
internal static class NextStep
{
    public static string? For(string? reason) => reason switch
    {
        ReasonCodes.ArenaNotFound =>
            "'gmfs list --arenas' shows the arenas of this machine; 'gmfs create --arena DIR' makes one. " +
            "Where its files were removed under a living process: 'gmfs rescue'.",
        ReasonCodes.ArenaExists => "'gmfs status' shows it.",
        ReasonCodes.ArenaInUse =>
            "Stop the writer, then try again. list, status, show, check, map and top work beside it.",
        ReasonCodes.ArenaFrozen => "'gmfs thaw', where no kexec is under way.",
        ReasonCodes.ForeignFile =>
            "'gmfs repair --start-over' moves the files into a quarantine, so that a new arena can be made there.",
        ReasonCodes.NewerFormat or ReasonCodes.ReadOnlyFormat or ReasonCodes.HeapFormat =>
            "Update gmfs: dotnet tool update -g GuestMemFs.Cli.",
        ReasonCodes.SuperblockDamaged or ReasonCodes.JournalDamaged =>
            "Copy the directory away first. Then 'gmfs repair' says what it can do, and 'gmfs repair --start-over' " +
            "moves all files into a quarantine.",
        ReasonCodes.ArenaBusy => "Try again.",
        ReasonCodes.MediumFailed => "'gmfs media' shows what is mounted and whether it can be used.",
        ReasonCodes.ArenaAmbiguous => "Move one arena's files into a directory of their own.",
        ReasonCodes.UntrustedOwner => "'--trust-owner USER', where you mean to use what is that user's.",
        ReasonCodes.OutOfSpace => "'gmfs list' shows what takes the room, 'gmfs rm' gives some back, 'gmfs media' " +
            "shows where there is more.",
        ReasonCodes.MetadataFull => "'gmfs rm' regions, or make a new arena with 'gmfs create --metadata-size'.",
        ReasonCodes.OutOfFiles => "Use fewer, larger regions.",
        ReasonCodes.RegionNotFound => "'gmfs list' shows the regions.",
        ReasonCodes.RegionExists => "Take another name, or 'gmfs rm' the region first.",
        ReasonCodes.ExtentMissing or ReasonCodes.ExtentTruncated or ReasonCodes.ExtentDuplicated
            or ReasonCodes.ExtentsInconsistent =>
            "Bring the file back, whole, from where it was copied or moved to. Where it is lost, 'gmfs repair' takes " +
            "the region out of the way.",
        ReasonCodes.HeapDamaged =>
            "Restore the region from a dump; 'gmfs repair' takes the damaged one out of the way.",
        ReasonCodes.NotClosed or ReasonCodes.StateWordDamaged or ReasonCodes.EpochRepaired
            or ReasonCodes.ActiveWordRepaired or ReasonCodes.TailWordRepaired
            or ReasonCodes.JournalHeaderRepaired or ReasonCodes.SuperblockRepaired
            or ReasonCodes.MetadataIdentityRepaired =>
            "Nothing to do by hand: the next writer mends it when it opens the arena, or 'gmfs repair' now.",
        ReasonCodes.ForeignFilesIgnored or ReasonCodes.FilesSetAside or ReasonCodes.StrayFile =>
            "'gmfs repair' moves them into a quarantine directory.",
        FindingCodes.HalfRestored => "The next 'gmfs restore' or 'gmfs repair' removes it.",
        ReasonCodes.FilesRenamed => "Nothing to do: files are known by their bytes.",
        _ => null,
    };
}
