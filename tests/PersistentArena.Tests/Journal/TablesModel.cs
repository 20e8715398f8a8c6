using GuestMemFs.Journal;

namespace GuestMemFs.Tests.Journal;

/// <summary>An arena's tables as plain lists, which are searched from the beginning each time.</summary>
internal sealed class TablesModel
{
    private readonly List<(RegionEntry Entry, List<ulong> Extents)> _regions = [];
    private readonly List<ExtentEntry> _extents = [];
    private readonly Dictionary<string, ulong> _names = new(StringComparer.Ordinal);
    private ArenaState _state = ArenaState.Initial;

    /// <summary>What the last operation said that cannot be.</summary>
    public string? Fault { get; private set; }

    public static RegionEntry Region(ulong id, string name, uint number) => new(
        id, number, name, (RegionKind)(number % 3), RegionReserve.Full, 4096 * (long)(number + 1), 0, 4096, number,
        number % 2 == 0, RegionGeneration.Of(number));

    public static ExtentEntry Extent(ulong id, ulong region, uint ordinal, ExtentState state) =>
        new(id, 7, 5 * 4096, 4096, region, ordinal, state);

    /// <summary>Does an operation here, and adds it to those of the tables.</summary>
    public void Do(Random random, Transaction to, string[] names)
    {
        ulong id = (ulong)random.Next(1, 6);
        switch (random.Next(16))
        {
            case < 5:
                PutRegion(Region(id, names[random.Next(names.Length)], (uint)random.Next(100)), to);
                break;
            case < 7:
                to.DropRegion(id);
                DropRegion(id);
                break;
            case < 13:
                PutExtent(AnyExtent(random, id), to);
                break;
            case < 15:
                to.DropExtent(id);
                Fault = IsPlaced(id) ? "an extent in use is dropped" : null;
                _extents.RemoveAll(it => it.Id == id && Fault is null);
                break;
            default:
                ArenaState state = new((ulong)random.Next(9), (ulong)random.Next(1, 12), (ulong)random.Next(1, 12),
                    random.Next(2) == 0, new Guid(random.Next(), 0, 0, new byte[8]));
                to.Set(state);
                _state = state with { NextExtentId = Math.Max(state.NextExtentId, _state.NextExtentId),
                    NextRegionId = Math.Max(state.NextRegionId, _state.NextRegionId) };
                break;
        }
    }

    public void AssertSame(MetadataTables tables, string[] names)
    {
        Assert.Equal(_state, tables.State);
        Assert.Equal(_regions.Count, tables.RegionCount);
        Assert.Equal(_regions.Select(it => it.Entry).OrderBy(it => it.Id),
            tables.Regions.Select(it => it.Entry).OrderBy(it => it.Id));
        Assert.Equal(_extents.OrderBy(it => it.Id), tables.Extents.OrderBy(it => it.Id));
        Assert.Equal(_extents.Count(it => it.State != ExtentState.InUse), tables.UnusedExtents);
        for (ulong id = 0; id < 8; id++)
        {
            var region = _regions.Find(it => it.Entry.Id == id);
            Assert.Equal(region.Entry, tables.Find(id)?.Entry);
            Assert.Equal(region.Extents?.Select(Find), tables.Find(id)?.Extents);
            Assert.Equal(Find(id), tables.FindExtent(id));
        }

        foreach (string name in names)
        {
            Assert.Equal(_names.GetValueOrDefault(name), tables.Find(name)?.Entry.Id ?? 0);
        }

        Assert.Equal(_names.Count == _regions.Count
            && _extents.TrueForAll(it => it.State != ExtentState.InUse || IsPlaced(it.Id)), tables.IsConsistent());
    }

    // Most often one that fits.
    private ExtentEntry AnyExtent(Random random, ulong id)
    {
        if (Find(id) is { } old && random.Next(3) > 0)
        {
            return old with { Used = random.Next(4) * 4096, State = random.Next(12) == 0 ? ExtentState.Free : old.State,
                Ordinal = old.Ordinal + (random.Next(12) == 0 ? 1u : 0) };
        }

        ulong region = (ulong)random.Next(1, 6);
        int behind = _regions.Find(it => it.Entry.Id == region).Extents?.Count ?? 0;
        return Extent(id, region, (uint)behind + (random.Next(12) == 0 ? 1u : 0),
            random.Next(4) == 0 ? (ExtentState)random.Next(2, 4) : ExtentState.InUse);
    }

    private ExtentEntry? Find(ulong id) => _extents.Find(it => it.Id == id);

    private bool IsPlaced(ulong id) => Find(id) is { State: ExtentState.InUse } extent
        && _regions.Exists(it => it.Entry.Id == extent.RegionId && it.Extents.Contains(id));

    private void PutRegion(RegionEntry entry, Transaction to)
    {
        to.Put(entry);
        int at = _regions.FindIndex(it => it.Entry.Id == entry.Id);
        if (at < 0)
        {
            _regions.Add((entry, []));
            _state = _state with { NextRegionId = Math.Max(_state.NextRegionId, entry.Id + 1) };
        }
        else
        {
            ForgetName(_regions[at].Entry);
            _regions[at] = (entry, _regions[at].Extents);
        }

        _names[entry.Name] = entry.Id;
    }

    private void DropRegion(ulong id)
    {
        foreach ((RegionEntry entry, _) in _regions.Where(it => it.Entry.Id == id))
        {
            ForgetName(entry);
        }

        _regions.RemoveAll(it => it.Entry.Id == id);
    }

    private void ForgetName(RegionEntry entry)
    {
        if (_names.GetValueOrDefault(entry.Name) == entry.Id)
        {
            _names.Remove(entry.Name);
        }
    }

    private void PutExtent(ExtentEntry extent, Transaction to)
    {
        to.Put(extent);
        ExtentEntry? old = Find(extent.Id);
        bool used = extent.State == ExtentState.InUse;
        List<ulong>? region = used ? _regions.Find(it => it.Entry.Id == extent.RegionId).Extents : null;
        Fault = used && region is null ? "an extent belongs to no region"
            : IsPlaced(extent.Id)
                ? (extent.State, extent.RegionId, extent.Ordinal) == (old!.State, old.RegionId, old.Ordinal) ? null
                    : "an extent in use is moved"
            : used && extent.Ordinal != region!.Count ? "extents of a region do not follow each other"
            : null;
        if (Fault is null)
        {
            if (!IsPlaced(extent.Id))
            {
                region?.Add(extent.Id);
                _state = _state with { NextExtentId = Math.Max(_state.NextExtentId, extent.Id + 1) };
            }

            _extents.RemoveAll(it => it.Id == extent.Id);
            _extents.Add(extent);
        }
    }
}
