using System.Text;
using GuestMemFs.Format;

namespace GuestMemFs.Journal;

/// <summary>
/// What the journal says, in memory. Replay and commit go through the same <see cref="Apply"/>, so that what a process
/// believes is what the next one will read. Not thread-safe.
/// </summary>
internal sealed class MetadataTables
{
    private readonly Dictionary<ulong, RegionNode> _regions = [];
    private readonly Dictionary<string, RegionNode> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<ulong, ExtentEntry> _extents = [];

    /// <summary>The arena's own entry.</summary>
    public ArenaState State { get; private set; } = ArenaState.Initial;

    /// <summary>How many regions there are.</summary>
    public int RegionCount => _regions.Count;

    /// <summary>The regions, in no order.</summary>
    public Dictionary<ulong, RegionNode>.ValueCollection Regions => _regions.Values;

    /// <summary>The extents, in no order, of a region or not.</summary>
    public Dictionary<ulong, ExtentEntry>.ValueCollection Extents => _extents.Values;

    /// <summary>What an operation that could not be applied said that cannot be; null where none did.</summary>
    public string? Fault { get; private set; }

    /// <summary>How many extents are of no region.</summary>
    public int UnusedExtents { get; private set; }

    /// <summary>A region by name.</summary>
    public RegionNode? Find(string name) => _names.GetValueOrDefault(name);

    /// <summary>A region by id.</summary>
    public RegionNode? Find(ulong regionId) => _regions.GetValueOrDefault(regionId);

    /// <summary>An extent by id.</summary>
    public ExtentEntry? FindExtent(ulong extentId) => _extents.GetValueOrDefault(extentId);

    /// <summary>Makes room ahead for about so many regions.</summary>
    public void Expect(int regions)
    {
        _regions.EnsureCapacity(regions);
        _names.EnsureCapacity(regions);
        _extents.EnsureCapacity(regions);
    }

    /// <summary>
    /// Applies a record's operations. False where they make no sense (see <see cref="Fault"/>), which a checksum that
    /// fits makes a forger's or a bug's doing. Takes linear time, whatever they say.
    /// </summary>
    public bool Apply(ReadOnlySpan<byte> operations)
    {
        while (!operations.IsEmpty)
        {
            if (!Structs.TryRead(operations, out OperationHeader header) || header.Length > operations.Length
                || header.Length < OperationHeader.Bytes || header.Length % 8 != 0
                || !ApplyOne(header.Kind, operations[OperationHeader.Bytes..(int)header.Length]))
            {
                return false;
            }

            operations = operations[(int)header.Length..];
        }

        return true;
    }

    /// <summary>
    /// True where every name is one region's, every extent in use has a region that is there, and there are ids left.
    /// For what was read.
    /// </summary>
    public bool IsConsistent()
    {
        if (_names.Count != _regions.Count || State.NextExtentId > EntryRules.MaximumNextId
            || State.NextRegionId > EntryRules.MaximumNextId)
        {
            return false;
        }

        foreach (ExtentEntry extent in _extents.Values)
        {
            if (extent.State == ExtentState.InUse && !IsPlaced(extent))
            {
                return false;
            }
        }

        return true;
    }

    private bool ApplyOne(OperationKind kind, ReadOnlySpan<byte> body)
    {
        switch (kind)
        {
            case OperationKind.PutRegion when Structs.TryRead(body, out RegionBody region)
                && region.NameBytes <= body.Length - RegionBody.Bytes:
                ReadOnlySpan<byte> name = body.Slice(RegionBody.Bytes, (int)region.NameBytes);
                Fault ??= EntryRules.Fault(region, name);
                if (Fault is null)
                {
                    PutRegion(region, Encoding.UTF8.GetString(name));
                }

                return Fault is null;
            case OperationKind.DropRegion when Structs.TryRead(body, out ulong id):
                DropRegion(id);
                return true;
            case OperationKind.PutExtent when Structs.TryRead(body, out ExtentBody extent):
                Fault ??= EntryRules.Fault(extent)
                    ?? PutExtent(new ExtentEntry(extent.Id, extent.Nonce, extent.FileLength, extent.Used,
                        extent.RegionId, extent.Ordinal, (ExtentState)extent.State));
                return Fault is null;
            case OperationKind.DropExtent when Structs.TryRead(body, out ulong id):
                Fault ??= DropExtent(id);
                return Fault is null;
            case OperationKind.SetState when Structs.TryRead(body, out StateBody state):
                Fault ??= EntryRules.Fault(state);
                State = new ArenaState(
                    state.Epoch,
                    Math.Max(State.NextExtentId, state.NextExtentId),
                    Math.Max(State.NextRegionId, state.NextRegionId),
                    (state.Flags & StateBody.FrozenFlag) != 0,
                    state.FrozenBoot);
                return Fault is null;
            default:
                return false;
        }
    }

    private void PutRegion(in RegionBody body, string name)
    {
        var entry = new RegionEntry(
            body.Id,
            body.Nonce,
            name,
            (RegionKind)body.Kind,
            (RegionReserve)body.Reserve,
            body.Length,
            body.MaximumLength,
            body.Alignment,
            body.CreatedUnixMilliseconds,
            (body.Flags & RegionBody.FormattedFlag) != 0,
            RegionGeneration.Of(body.Generation));
        if (!_regions.TryGetValue(body.Id, out RegionNode? node))
        {
            node = new RegionNode(entry);
            _regions.Add(body.Id, node);
            State = State with { NextRegionId = Math.Max(State.NextRegionId, body.Id + 1) };
        }
        else
        {
            ForgetName(node);
            node.Entry = entry;
        }

        _names[name] = node;
    }

    private void DropRegion(ulong id)
    {
        if (_regions.Remove(id, out RegionNode? node))
        {
            ForgetName(node);
        }
    }

    private void ForgetName(RegionNode node)
    {
        // In a transaction that swaps two names, the name may be another's already.
        if (_names.TryGetValue(node.Entry.Name, out RegionNode? holder) && ReferenceEquals(holder, node))
        {
            _names.Remove(node.Entry.Name);
        }
    }

    /// <summary>
    /// An extent of a region stays at its place, and a new one comes behind the others: so that no order of entries
    /// costs more than their number.
    /// </summary>
    private string? PutExtent(ExtentEntry extent)
    {
        RegionNode? region = extent.State == ExtentState.InUse ? _regions.GetValueOrDefault(extent.RegionId) : null;
        if (extent.State == ExtentState.InUse && region is null)
        {
            return "an extent belongs to no region";
        }

        if (_extents.TryGetValue(extent.Id, out ExtentEntry? old) && IsPlaced(old))
        {
            if (extent.State != ExtentState.InUse || extent.RegionId != old.RegionId || extent.Ordinal != old.Ordinal)
            {
                return "an extent in use is moved";
            }

            region!.Extents[(int)old.Ordinal] = extent;
            _extents[extent.Id] = extent;
            return null;
        }

        if (region is not null)
        {
            if (extent.Ordinal != (uint)region.Extents.Count)
            {
                return "extents of a region do not follow each other";
            }

            region.Extents.Add(extent);
        }

        UnusedExtents += (extent.State == ExtentState.InUse ? 0 : 1)
            - (old is null || old.State == ExtentState.InUse ? 0 : 1);
        _extents[extent.Id] = extent;
        State = State with { NextExtentId = Math.Max(State.NextExtentId, extent.Id + 1) };
        return null;
    }

    private string? DropExtent(ulong id)
    {
        if (_extents.TryGetValue(id, out ExtentEntry? old) && IsPlaced(old))
        {
            return "an extent in use is dropped";
        }

        if (_extents.Remove(id))
        {
            UnusedExtents -= old!.State == ExtentState.InUse ? 0 : 1;
        }

        return null;
    }

    /// <summary>
    /// True where a region has the extent. One of a region that was dropped is nobody's until it is put again.
    /// </summary>
    private bool IsPlaced(ExtentEntry extent) =>
        extent.State == ExtentState.InUse && _regions.TryGetValue(extent.RegionId, out RegionNode? region)
        && extent.Ordinal < (uint)region.Extents.Count && region.Extents[(int)extent.Ordinal].Id == extent.Id;
}

/// <summary>A region and its extents in order.</summary>
internal sealed class RegionNode(RegionEntry entry)
{
    /// <summary>The entry in force.</summary>
    public RegionEntry Entry { get; set; } = entry;

    /// <summary>Its extents, by ordinal.</summary>
    public List<ExtentEntry> Extents { get; } = new(1);
}
