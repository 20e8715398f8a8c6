using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Reports;
using GuestMemFs.Cli.Terminal;


namespace GuestMemFs.Cli.Checking;

/// <summary>
/// Answers, from what an arena and its machine say of themselves, why it is cold, refused, full or slow. Changes
/// nothing.
/// </summary>
internal sealed class Explanation
{
    private readonly ArenaReference _place;
    private readonly string _name;
    private readonly List<Finding> _cold = [];
    private readonly List<Finding> _refused = [];
    private readonly List<Finding> _full = [];
    private readonly List<Finding> _slow = [];

    private Explanation(ArenaReference place, string? name)
    {
        _place = place;
        _name = name ?? Path.GetFileName(place.Text);
    }

    public static ExplainReport Of(ArenaReference place, string? name)
    {
        var it = new Explanation(place, name);
        string summary = it.Explain();
        return new ExplainReport(place.Text, summary, [new(Question.Cold, it._cold), new(Question.Refused, it._refused),
            new(Question.Full, it._full), new(Question.Slow, it._slow)]);
    }

    private string Explain()
    {
        ArenaInspection inspection;
        try
        {
            inspection = _place.Inspect();
        }
        catch (Exception e) when (Failure.Of(e) is { } failure)
        {
            string reason = failure.Reason ?? ReasonCodes.MediumFailed;
            _refused.Add(new Finding(FindingSeverity.Error, reason, _place.Text, failure.Message, failure.Next));
            return $"There is nothing in {_place.Text} that could be opened.";
        }

        using (inspection)
        {
            return Explain(inspection);
        }
    }

    private string Explain(ArenaInspection inspection)
    {
        ArenaSnapshot it;
        try
        {
            it = inspection.Read();
        }
        catch (ArenaNotFoundException)
        {
            NotThere(inspection.Medium);
            return $"There is no arena in {_place.Text}.";
        }
        catch (ArenaException e)
        {
            _refused.Add(Finding.Of(e, _place.Text));
            return $"What is in {_place.Text} is refused.";
        }

        Opens(inspection, it);
        Speed(inspection.Medium, it);
        if (it.Refusal is null)
        {
            _slow.AddRange(NumaFinding.OfAll(inspection, it));
        }

        return $"The arena in {_place.Text} ({inspection.Medium.Name}): {WriterFacts.State(it)}.";
    }

    private void NotThere(Medium medium)
    {
        _refused.Add(Finding.Error(ReasonCodes.ArenaNotFound, _place.Text,
            $"None of the {medium.ListFiles().Count} files in it is an arena's metadata."));
        _cold.Add(Finding.Warning(FindingCodes.Cold, _place.Text,
            $"There is no arena, so whoever opens it here starts with an empty one. {Lost(medium)}"));
        Elsewhere();
    }

    /// <summary>The same name on another medium: what was warm may lie there.</summary>
    private void Elsewhere()
    {
        foreach (MediumCandidate candidate in MediumCandidates.Enumerate(_name).Where(c =>
            c.HasFiles && c.Directory != _place.Text))
        {
            _cold.Add(new Finding(
                FindingSeverity.Warning, FindingCodes.Elsewhere, candidate.Directory,
                $"There is an arena of the same name on another medium ({candidate.Kind}): perhaps that is " +
                "the warm one.", $"gmfs status --arena {candidate.Directory}"));
        }
    }

    private static string Lost(Medium medium) => medium.Capabilities.Survives switch
    {
        var s when !s.HasFlag(Survives.Kexec) && !s.HasFlag(Survives.PowerLoss) =>
            $"What {medium.Name} held before the machine was started ({Boot():u}) is gone with that: it survives " +
            "processes, not a reboot.",
        var s when !s.HasFlag(Survives.PowerLoss) => $"{medium.Name} survives a kexec, and not a loss of power.",
        _ => string.Empty,
    };

    private void Opens(ArenaInspection inspection, ArenaSnapshot it)
    {
        if (it.Refusal is { } refusal)
        {
            _refused.Add(Finding.Of(refusal, it.Metadata.FileName));
            return;
        }

        if (it.HasWriter)
        {
            string text = $"One is refused, as long as {it.Writer} has the arena. Readers are not.";
            _refused.Add(Finding.Note(ReasonCodes.ArenaInUse, "second writer", text));
        }

        if (it.IsFrozen)
        {
            _refused.Add(Finding.Warning(ReasonCodes.ArenaFrozen, "metadata",
                "The arena is frozen: regions cannot be made, deleted, renamed or grown. Data can be written."));
        }

        _refused.AddRange(inspection.Verify().Findings.Where(f => f.Severity == FindingSeverity.Error).Select(
            Finding.Of));
        Warmth(inspection.Medium, it);
        Room(inspection, it);
    }

    private void Warmth(Medium medium, ArenaSnapshot it)
    {
        DateTimeOffset created = it.Metadata.Superblock!.Created;
        if (it.Regions.Count == 0)
        {
            string lost = created > Boot() ? Lost(medium) : string.Empty;
            string text = $"It has no regions. It was made {created:u}, by epoch 1 of {it.Epoch}. {lost}".TrimEnd();
            _cold.Add(Finding.Warning(FindingCodes.Cold, "arena", text));
            Elsewhere();
        }

        foreach (RegionInfo region in it.Regions.Select(r => r.Info).Where(r =>
            r.Kind == RegionKind.Heap && !r.IsFormatted))
        {
            _cold.Add(Finding.Note(FindingCodes.Cold, region.Name,
                "It is to hold a heap and never did: nobody has opened one in it since it was made."));
        }

        Survives survives = medium.Capabilities.Survives;
        if (!survives.HasFlag(Survives.Kexec) && !survives.HasFlag(Survives.PowerLoss))
        {
            _cold.Add(Finding.Note(FindingCodes.Volatile, medium.Name,
                "What is in it now survives its processes, not a reboot, a kexec or a loss of power. 'gmfs dump' " +
                "copies a region out."));
        }

        if (medium.MayBeSwapped)
        {
            const string Text = "Swap is on, and the kernel may write what is in it there, where it can be read.";
            const string Next = "Mount tmpfs with noswap, set LockMemory (KvStore: --lock-memory yes), or swapoff.";
            _slow.Add(new Finding(FindingSeverity.Warning, ReasonCodes.MayBeSwapped, medium.Name, Text, Next));
        }

        if (medium.Name == "tmpfs" && _place.Text.StartsWith("/dev/shm/", StringComparison.Ordinal)
            && !Environment.IsPrivilegedProcess)
        {
            _cold.Add(Finding.Note(FindingCodes.Volatile, "/dev/shm",
                "With systemd's RemoveIPC=yes, what an ordinary user has in it is removed with the user's last " +
                "session (docs/media.md)."));
        }
    }

    private void Room(ArenaInspection inspection, ArenaSnapshot it)
    {
        const double nearly = 0.9;
        ArenaSpace space = inspection.ReadSpace();
        if (space.Total > 0 && space.Free < (1 - nearly) * space.Total)
        {
            _full.Add(new Finding(FindingSeverity.Warning, FindingCodes.MediumNearlyFull, it.Location,
                $"{Sizes.Of(space.Free)} of {Sizes.Of(space.Total)} are free; regions of this arena " +
                $"take {Sizes.Of(space.InUse)}.", NextStep.For(ReasonCodes.OutOfSpace)));
        }

        // The journal is compacted when it is full: what it would have then is what counts.
        MetadataSnapshot metadata = it.Metadata;
        if (metadata.JournalCompactedBytes > nearly * metadata.JournalCapacityBytes)
        {
            string names = $"The names and sizes of {Sizes.Count(it.Regions.Count, "region")}";
            string text = $"{names} take {Sizes.Of(metadata.JournalCompactedBytes)} of " +
                $"the {Sizes.Of(metadata.JournalCapacityBytes)} that there are for them.";
            _full.Add(Finding.Warning(FindingCodes.MetadataNearlyFull, metadata.FileName,
                text) with { Next = NextStep.For(ReasonCodes.MetadataFull) });
        }

        if (space.FileCount > nearly * space.MaximumFiles)
        {
            _full.Add(new Finding(FindingSeverity.Warning, FindingCodes.MediumNearlyFull, it.Location,
                $"It has {space.FileCount:N0} of at most {space.MaximumFiles:N0} files.",
                NextStep.For(ReasonCodes.OutOfFiles)));
        }

        foreach (RegionSnapshot region in it.Regions)
        {
            try
            {
                HeapRoom(inspection, region.Info, nearly);
            }
            catch (ArenaException)
            {
                // Why it does not open is answered where it was asked.
            }
        }
    }

    private void HeapRoom(ArenaInspection inspection, RegionInfo region, double nearly)
    {
        if (inspection.ReadHeap(region.Name) is not { } heap || heap.FrontierBytes < nearly * region.Length)
        {
            return;
        }

        // All of it was handed out once, which is where every busy heap ends: how much of it holds something now is
        // what counts.
        HeapSurvey survey = inspection.SurveyHeap(region.Name)!;
        Scatter(region, survey);
        long used = survey.UsedBytes;
        long free = survey.FreeBytes + region.Length - survey.FrontierBytes;
        if (used > nearly * (used + free))
        {
            _full.Add(new Finding(
                FindingSeverity.Warning, FindingCodes.HeapNearlyFull, region.Name,
                $"About {Sizes.Percent(used, used + free)} of what it has for blocks, {Sizes.Of(used + free)}, hold " +
                "something (estimated).",
                region.MaximumLength > region.Length
                    ? $"'gmfs grow {region.Name} SIZE', up to {Sizes.Of(region.MaximumLength)}."
                    : "It cannot grow at its address: dump it, delete it, restore it with --max-size, grow it."));
        }
    }

    /// <summary>
    /// What is free within slabs serves one size of record until the heap's writer has moved these together.
    /// </summary>
    private void Scatter(RegionInfo region, HeapSurvey survey)
    {
        const double much = 0.25;
        long inSlabs = survey.Parts.Sum(part => part.FreeInSlabBytes);
        if (inSlabs > much * survey.FrontierBytes)
        {
            _slow.Add(new Finding(
                FindingSeverity.Note, FindingCodes.HeapScattered, region.Name,
                $"About {Sizes.Of(inSlabs)} are free within slabs, {Sizes.Of(survey.FreeBytes - inSlabs)} as pages, " +
                $"the longest piece {Sizes.Of(survey.LongestFreeBytes)} (estimated). Its writer moves records " +
                "together while it serves, and at once where a write finds no room.",
                null));
        }
    }

    private void Speed(Medium medium, ArenaSnapshot it)
    {
        if (medium.Capabilities.PageSize < RegionOptions.MinimumLength)
        {
            _slow.Add(new Finding(
                FindingSeverity.Note, FindingCodes.SmallPages, medium.Name,
                $"Its pages are of {Sizes.Of(medium.Capabilities.PageSize)}: each is a page fault after an open, and " +
                "large data misses the TLB.", "'gmfs media' shows what to type for pages of 2 MiB."));
        }

        if (it is { Condition: ArenaCondition.NotClosed, Metadata.IsStateWordIntact: true })
        {
            _slow.Add(Finding.Note(ReasonCodes.NotClosed, "next open",
                "The last writer was killed. The next one looks at what was in flight, which takes milliseconds, and " +
                "finishes splits and clean-ups as it goes."));
        }

        MediumCandidate[] usable = [.. MediumCandidates.Enumerate(_name).Where(c => c.IsUsable)];
        if (medium.Name == "directory" && usable.FirstOrDefault(c => c.Kind != "directory") is { } memory)
        {
            _slow.Add(new Finding(FindingSeverity.Note, FindingCodes.BetterMedium, medium.Location,
                $"It lies on a disk's filesystem: the kernel writes its pages back, and may drop them. {memory.Kind} " +
                $"at {memory.MountPoint} is memory.", "'gmfs dump', then 'gmfs restore' into an arena there."));
        }
    }

    private static DateTimeOffset Boot() => DateTimeOffset.UtcNow - TimeSpan.FromMilliseconds(Environment.TickCount64);
}
