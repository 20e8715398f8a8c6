using GuestMemFs.Format;
using GuestMemFs.Journal;
using GuestMemFs.Native;

namespace GuestMemFs.Arena;

/// <summary>
/// Maps regions into the address space, and knows those that are open. A file's identity and generation are looked at
/// as it is mapped, and the writer gives both a new generation. Used under the arena's lock.
/// </summary>
internal sealed class RegionMapper(ArenaFiles files, RegionTable table)
{
    private readonly Dictionary<ulong, RegionMapping> _open = [];

    /// <summary>True where regions are to be kept out of swap.</summary>
    public bool Locks { get; init; }

    /// <summary>The files of the regions that are open, by the names that they most likely have.</summary>
    public IEnumerable<string> OpenFiles => _open.Keys
        .SelectMany(id => table.Now.Find(id)?.Extents ?? [])
        .Select(files.Extents.ProbableName);

    /// <summary>The mapping of a region that is open; null where it is not.</summary>
    public RegionMapping? Find(RegionNode node) => _open.GetValueOrDefault(node.Entry.Id);

    /// <summary>Maps a region, or takes the mapping there is.</summary>
    /// <exception cref="ExtentException">A file of it is missing, truncated, or there twice.</exception>
    public RegionMapping Open(RegionNode node) =>
        Find(node) is { } mapping ? Follow(mapping, node)
        : table.Journal is { } journal ? MapForWriting(journal, node)
        : MapBesideWriter(node);

    /// <summary>Counts an opening.</summary>
    public void Opened(RegionMapping mapping)
    {
        mapping.Openings++;
        _open[mapping.Entry.Id] = mapping;
    }

    /// <summary>One opening is gone; with the last one the memory is taken out.</summary>
    public void Release(RegionMapping mapping)
    {
        if (--mapping.Openings == 0)
        {
            if (mapping.Loan is null)
            {
                _open.Remove(mapping.Entry.Id);
            }

            mapping.Unmap();
        }
    }

    /// <summary>
    /// Maps a region's files a second time, at an address of its own. It holds nothing of the mapper, and may outlive
    /// the region's opening.
    /// </summary>
    public RegionView MapAgain(RegionNode node)
    {
        long granularity = files.Granularity;
        ExtentEntry last = node.Extents[^1];
        long mapped = RegionSizes.RoundUp(node.Entry.Length - last.Used + last.FileLength, granularity);
        AddressReservation range = new(mapped, Math.Max(node.Entry.Alignment, granularity));
        try
        {
            bool isPrivate = true;
            long start = 0;
            foreach (ExtentEntry extent in node.Extents)
            {
                nint address = range.Address + (nint)start;
                using MediumFile file = MapExtent(node, extent, files.Extents, address, stamps: false);
                isPrivate &= file.TryMapPrivatelyAt(address, extent.FileLength);
                start += extent.Used;
            }

            return new RegionView(range, node.Entry.Length, isPrivate);
        }
        catch
        {
            range.Dispose();
            throw;
        }
    }

    /// <summary>A region's entry has changed.</summary>
    public void Changed(RegionNode node)
    {
        if (Find(node) is { } mapping)
        {
            mapping.Entry = node.Entry;
        }
    }

    /// <summary>Maps a region that is borrowed: the loan is the mapping's from then on.</summary>
    public RegionMapping MapBorrowed(RegionNode node, MediumFile loan) =>
        Map(node, files.WritableExtents(), loan, stamps: false);

    /// <summary>A region that is open already: a reader maps what the writer has added since.</summary>
    /// <exception cref="RegionSizeException">It has outgrown the address space it was opened with.</exception>
    public RegionMapping Follow(RegionMapping mapping, RegionNode node)
    {
        if (table.Journal is null && node.Entry.Length > mapping.Length)
        {
            ExtentEntry last = node.Extents[^1];
            if (node.Entry.Length - last.Used + last.FileLength > mapping.Span)
            {
                throw RegionSizeException.OutgrewAddressSpace(node.Entry.Name, node.Entry.Length, mapping.Span);
            }

            if (mapping.Parts > 0)
            {
                mapping.ExtendLast(node.Extents[mapping.Parts - 1].Used);
            }

            MapExtents(mapping, node, files.Extents, stamps: false);
        }

        return mapping;
    }

    /// <summary>Address space for a region's growth; where there is not that much, for what it has.</summary>
    public AddressReservation Reserve(RegionEntry entry, long mapped)
    {
        long granularity = files.Granularity;
        long alignment = Math.Max(entry.Alignment, granularity);
        long least = Math.Max(mapped, RegionSizes.RoundUp(entry.Length, granularity) + granularity);
        long wanted = Math.Max(least, RegionSizes.RoundUp(entry.MaximumLength, granularity) + granularity);
        try
        {
            return new AddressReservation(wanted, alignment);
        }
        catch (MediumException) when (wanted > least)
        {
            return new AddressReservation(least, alignment);
        }
    }

    /// <summary>
    /// The writer opens a region: its files and the journal get a generation of their own, before anybody stores data.
    /// </summary>
    private RegionMapping MapForWriting(MetadataJournal journal, RegionNode node)
    {
        if (journal.Tables.State.Frozen)
        {
            return Map(node, files.Extents, loan: null, stamps: false);
        }

        RegionEntry entry = node.Entry with { Generation = node.Entry.Generation.Begin() };
        if (entry.Generation != node.Entry.Generation)
        {
            RegionSizes.CheckExtents(node, files.Granularity);
            journal.Commit(new Transaction().Put(entry));
            files.FlushStamp(files.Metadata.Address, files.Metadata.Length);
        }

        RegionMapping mapping = Map(node, files.Extents, loan: null, stamps: true);
        try
        {
            journal.Commit(new Transaction().Put(node.Entry with { Generation = node.Entry.Generation.End() }));
            mapping.Entry = node.Entry;
            return mapping;
        }
        catch
        {
            mapping.Unmap();
            throw;
        }
    }

    /// <summary>
    /// Maps for a reader. The writer may be giving the region another generation: then its entry has changed, and it is
    /// tried with that.
    /// </summary>
    private RegionMapping MapBesideWriter(RegionNode node)
    {
        while (true)
        {
            try
            {
                return Map(node, files.Extents, loan: null, stamps: false);
            }
            catch (ExtentException e) when (e.ReasonCode == ReasonCodes.ExtentOfOtherGeneration)
            {
                RegionGeneration tried = node.Entry.Generation;
                node = table.Require(node.Entry);
                if (node.Entry.Generation == tried)
                {
                    throw;
                }
            }
        }
    }

    private RegionMapping Map(RegionNode node, ExtentFiles extents, MediumFile? loan, bool stamps)
    {
        RegionSizes.CheckExtents(node, files.Granularity);
        ExtentEntry last = node.Extents[^1];
        AddressReservation view = Reserve(node.Entry, node.Entry.Length - last.Used + last.FileLength);
        var mapping = new RegionMapping(node.Entry, view) 
        {
            IsWritable = extents.AreWritable,
            Loan = loan,
            Locks = Locks,
        };
        try
        {
            MapExtents(mapping, node, extents, stamps);
            return mapping;
        }
        catch
        {
            mapping.Unmap();
            throw;
        }
    }

    private void MapExtents(RegionMapping mapping, RegionNode node, ExtentFiles extents, bool stamps)
    {
        long start = 0;
        for (int i = 0; i < node.Extents.Count; i++)
        {
            // Each is verified before the next is mapped: the next covers this one's identity block.
            ExtentEntry extent = node.Extents[i];
            if (i >= mapping.Parts)
            {
                mapping.Add(extent, MapExtent(node, extent, extents, mapping.Address + (nint)start, stamps));
            }

            start += extent.Used;
        }

        mapping.Lock(mapping.Length, node.Entry.Length);
        mapping.Publish(node.Entry);
    }

    private MediumFile MapExtent(RegionNode node, ExtentEntry extent, ExtentFiles extents, nint address, bool stamps)
    {
        MediumFile file = extents.Map(extent, address, node.Entry.Name);
        try
        {
            CheckGeneration(node, extent, address, stamps);
        }
        catch
        {
            file.Dispose();
            throw;
        }

        if (file.IsWritable && node.Entry.Reserve == RegionReserve.Full)
        {
            file.FillHoles(RegionSizes.RoundUp(extent.Used, PageSizes.Huge2M));
        }

        return file;
    }

    /// <summary>
    /// Looks whether a file that was just mapped is of the journal's generation, and stamps it where this is the
    /// writer's opening of the region.
    /// </summary>
    private unsafe void CheckGeneration(RegionNode node, ExtentEntry extent, nint address, bool stamps)
    {
        byte* file = (byte*)address;
        ExtentMark mark = ExtentMark.Read(file, extent.FileLength, extent.Nonce);
        RegionGeneration generation = node.Entry.Generation;
        if (!generation.Accepts(mark.Generation))
        {
            string name = files.Extents.ProbableName(extent);
            ulong epoch = table.Now.State.Epoch;
            throw ExtentException.OfOtherGeneration(node.Entry.Name, extent.Id, name, mark.Epoch, epoch);
        }

        if (stamps)
        {
            uint epoch = table.Journal!.Epoch;
            ExtentMark.Stamp(file, extent.FileLength, extent.Nonce, generation.Current, epoch);
            if (!mark.Committed)
            {
                ExtentMark.Commit(file, extent.FileLength, extent.Nonce);
            }

            nint block = address + (nint)(extent.FileLength - ExtentIdentity.BlockBytes);
            files.FlushStamp(block, ExtentIdentity.BlockBytes);
        }
    }
}
