using GuestMemFs.Journal;

namespace GuestMemFs.Arena;

/// <summary>
/// The arena's regions, as the metadata in force has them, and who may change them. Used under the arena's lock.
/// </summary>
internal sealed class RegionTable
{
    private readonly ArenaFiles _files;
    private readonly MetadataJournal? _journal;
    private MetadataTables _tables;
    private ulong _version;

    /// <summary>The writer's.</summary>
    public RegionTable(ArenaFiles files, MetadataJournal journal)
    {
        _files = files;
        _journal = journal;
        _tables = journal.Tables;
    }

    /// <summary>A reader's.</summary>
    /// <exception cref="ArenaDamagedException">A committed record does not check.</exception>
    public RegionTable(ArenaFiles files)
    {
        _files = files;
        _tables = JournalSnapshot.Take(files.Layout, files.Location, out _version).Tables;
    }

    /// <summary>The writer's journal; null for a reader.</summary>
    public MetadataJournal? Journal => _journal;

    /// <summary>The tables now; a reader's are read again where the writer has committed something since.</summary>
    public MetadataTables Now
    {
        get
        {
            if (_journal is null && JournalSnapshot.Version(_files.Layout) != _version)
            {
                _tables = JournalSnapshot.Take(_files.Layout, _files.Location, out _version).Tables;
            }

            return _tables;
        }
    }

    /// <summary>A region that must be there.</summary>
    /// <exception cref="RegionNotFoundException">There is none of that name.</exception>
    public RegionNode Require(string name) => Now.Find(name) ?? throw NotFound(name);

    /// <summary>A region that must still be there.</summary>
    /// <exception cref="RegionNotFoundException">It was deleted.</exception>
    public RegionNode Require(RegionEntry entry) => Now.Find(entry.Id) ?? throw NotFound(entry.Name);

    public RegionNotFoundException NotFound(string name) => new(_files.Location, name, _tables.RegionCount);

    /// <summary>Refuses a name that a region has.</summary>
    /// <exception cref="RegionExistsException">One has it.</exception>
    public void RequireFree(string name)
    {
        if (Now.Find(name) is { } taken)
        {
            throw new RegionExistsException(_files.Location, name, taken.Entry.Length);
        }
    }

    /// <summary>The journal, for a change of metadata.</summary>
    /// <exception cref="ArenaReadOnlyException">This is a reader.</exception>
    /// <exception cref="ArenaFencedException">Another writer has taken over.</exception>
    /// <exception cref="ArenaFrozenException">The metadata stands still.</exception>
    public MetadataJournal Writer(string operation)
    {
        MetadataJournal journal = WriterOfFrozen(operation);
        return journal.Tables.State.Frozen ? throw new ArenaFrozenException(_files.Location, operation) : journal;
    }

    /// <summary>Freezes the metadata, or thaws it; nothing where it is so already.</summary>
    public void SetFrozen(bool frozen, Guid bootId)
    {
        MetadataJournal journal = WriterOfFrozen(frozen ? "freezing" : "thawing");
        ArenaState state = journal.Tables.State;
        if (state.Frozen != frozen)
        {
            journal.Commit(new Transaction().Set(state with { Frozen = frozen, FrozenBoot = bootId }));
        }
    }

    /// <summary>All regions, by name.</summary>
    public IReadOnlyList<RegionInfo> List()
    {
        List<RegionInfo> regions = [.. Now.Regions.Select(Info)];
        regions.Sort(static (a, b) => string.CompareOrdinal(a.Name, b.Name));
        return regions;
    }

    public static RegionInfo Info(RegionNode node)
    {
        RegionEntry e = node.Entry;
        var created = DateTimeOffset.FromUnixTimeMilliseconds(e.CreatedUnixMilliseconds);
        return new RegionInfo(
            e.Name,
            e.Id,
            e.Kind,
            e.Length,
            e.MaximumLength,
            e.Alignment,
            e.Reserve,
            node.Extents.Count,
            created,
            e.Formatted);
    }

    private MetadataJournal WriterOfFrozen(string operation)
    {
        MetadataJournal journal = _journal ?? throw new ArenaReadOnlyException(_files.Location, operation);
        journal.CheckEpoch();
        return journal;
    }
}
