using GuestMemFs.Format;
using GuestMemFs.Journal;
using GuestMemFs.Native;
using GuestMemFs.Arena;

namespace GuestMemFs;

/// <summary>Regions in the making: space, extents, address space.</summary>
public sealed partial class PersistentArena
{
    /// <summary>Room in the journal that creating and growing leave, so that deleting is always possible.</summary>
    private const int RoomToDelete = 16 * 1024;

    /// <summary>How much room there is.</summary>
    public ArenaSpace GetSpace()
    {
        lock (_lock)
        {
            MetadataTables tables = Current();
            long inUse = 0;
            long reusable = 0;
            foreach (RegionNode region in tables.Regions)
            {
                inUse += region.Entry.Length;
            }

            int files = 1 + _spare.Count;
            foreach (ExtentEntry extent in Unused(tables))
            {
                reusable += extent.Capacity(Granularity);
            }

            files += tables.Extents.Count;
            return Guard(0, () =>
            {
                (long total, long free) = Ledger();
                return new ArenaSpace(total, free, inUse, reusable, files, _medium.Capabilities.MaximumFiles, _journal?.LogLength ?? 0, _layout.LogCapacity);
            });
        }
    }

    /// <summary>Total and free bytes: the medium's word where it is true, else what the files that are there leave.</summary>
    private (long Total, long Free) Ledger()
    {
        MediumSpace space = _medium.GetSpace();
        if (_medium.Capabilities.TruthfulFreeSpace && space.Free is { } free)
        {
            return (space.Total, free);
        }

        long taken = 0;
        foreach (string name in _medium.ListFiles())
        {
            using MediumFile? file = _medium.TryOpenFile(name, writable: false);
            taken += file?.Length ?? 0;
        }

        return (space.Total, Math.Max(0, space.Total - taken));
    }

    private IEnumerable<ExtentEntry> Unused(MetadataTables tables)
    {
        foreach (ExtentEntry extent in tables.Extents)
        {
            if (extent.State != ExtentState.InUse && !_aside.Contains(extent.Id))
            {
                yield return extent;
            }
        }

        foreach (ExtentEntry extent in _spare)
        {
            yield return extent;
        }
    }

    private SpacePlan Plan(long bytes, RegionNode? region, RegionReserve reserve, long addressSpace)
    {
        MediumCapabilities capabilities = _medium.Capabilities;
        (long total, long free) = Ledger();
        int present = capabilities.MaximumFiles == int.MaxValue ? 0 : _medium.ListFiles().Count;
        long longest = LongestFile(capabilities);
        var room = new Room(Granularity, longest, free, capabilities.MaximumFiles - present, capabilities.CreationTakesSpace);
        bool takesSpace = reserve == RegionReserve.Full;
        ExtentEntry? last = region?.Extents.Count > 0 ? region.Extents[^1] : null;

        // What is unused and can still be given back to the medium (a deletion under way) is not handed out again.
        IEnumerable<ExtentEntry> unused = capabilities.UnlinkFreesSpace ? [] : Unused(_tables);
        SpacePlan plan = SpacePlan.Make(bytes, last, unused, room, takesSpace);
        if (addressSpace < MappedBytes(plan))
        {
            plan = SpacePlan.Make(bytes, last, [], room, takesSpace);
        }

        if (plan.NewBytes > free)
        {
            throw ArenaOutOfSpaceException.OnMedium(Location, plan.NewBytes, free, total);
        }

        return plan.NewFiles > room.FilesLeft
            ? throw new ArenaOutOfFilesException(Location, plan.NewFiles, present, capabilities.MaximumFiles)
            : plan;
    }

    /// <summary>What the medium and this process's limit allow: with a low limit a region is made of more files.</summary>
    private long LongestFile(MediumCapabilities capabilities) =>
        Math.Min(capabilities.MaximumFileLength, Math.Max(FileSizeLimit.Current, 2 * Granularity)); // Below that making the file is refused, with the reason.

    /// <summary>Address space that the new extents of a plan take, counted from the end of what is mapped.</summary>
    private static long MappedBytes(SpacePlan plan)
    {
        long bytes = 0;
        foreach (PlannedExtent extent in plan.Extents)
        {
            bytes += extent.Used;
        }

        return plan.Extents.Count == 0 ? 0 : bytes - plan.Extents[^1].Used + plan.Extents[^1].FileLength;
    }

    private RegionMapping Create(MetadataJournal journal, RegionEntry entry)
    {
        ArenaState state = _tables.State;
        entry = entry with { Id = state.NextRegionId, Nonce = RandomNonce(), Generation = RegionGeneration.Draw(), CreatedUnixMilliseconds = _clock.GetUtcNow().ToUnixTimeMilliseconds() };
        SpacePlan plan = Plan(entry.Length, null, entry.Reserve, long.MaxValue);
        AddressReservation view = Reserve(entry, MappedBytes(plan));
        var mapping = new RegionMapping(entry, view) { IsWritable = true };
        try
        {
            Place(journal, mapping, plan, entry, 0, null);
            return mapping;
        }
        catch
        {
            mapping.Unmap();
            throw;
        }
    }

    private void Grow(MetadataJournal journal, RegionMapping mapping, long newLength)
    {
        RegionNode node = _tables.Find(mapping.Entry.Id) ?? throw new RegionNotFoundException(Location, mapping.Entry.Name, _tables.RegionCount);
        SpacePlan plan = Plan(newLength - node.Entry.Length, node, node.Entry.Reserve, mapping.Span - node.Entry.Length);
        Place(journal, mapping, plan, node.Entry with { Length = newLength, MaximumLength = Math.Max(newLength, node.Entry.MaximumLength) }, node.Entry.Length, node);
    }

    /// <summary>Carries a plan out and commits it.</summary>
    private void Place(MetadataJournal journal, RegionMapping mapping, SpacePlan plan, RegionEntry entry, long offset, RegionNode? node)
    {
        ulong nextExtent = _tables.State.NextExtentId;
        var placer = new ExtentPlacer(_medium, _files, new ArenaIdentity(Id, journal.Epoch), Granularity, _spare);
        try
        {
            var transaction = new Transaction();
            transaction.Put(entry);
            ExtentEntry? longer = null;
            if (plan.ExtendLastBy > 0)
            {
                ExtentEntry last = node!.Extents[^1];
                longer = last with { Used = last.Used + plan.ExtendLastBy };
                transaction.Put(longer);
            }

            // Room first: nothing is made for a transaction that then does not fit.
            journal.EnsureRoom(transaction.Length + ((plan.Extents.Count + 1) * 64) + Math.Max(RoomToDelete, plan.Extents.Count * 64));
            if (longer is not null && entry.Reserve == RegionReserve.Full)
            {
                BackLonger(mapping, longer, plan.ExtendLastBy);
            }

            placer.Place(plan, entry, mapping.Address + (nint)(offset + plan.ExtendLastBy), (uint)(node?.Extents.Count ?? 0), ref nextExtent);
            foreach ((ExtentEntry extent, _) in placer.Placed)
            {
                transaction.Put(extent);
            }

            journal.Commit(transaction);
            if (longer is not null)
            {
                mapping.ExtendLast(longer.Used);
            }
        }
        catch
        {
            placer.Undo();
            mapping.ClearBehind(offset + plan.ExtendLastBy, MappedBytes(plan));
            throw;
        }

        placer.Committed();
        foreach ((ExtentEntry extent, MediumFile file) in placer.Placed)
        {
            mapping.Add(extent, file);
        }

        mapping.Publish(entry);
    }

    /// <summary>Takes space for what the last extent's file had left.</summary>
    private void BackLonger(RegionMapping mapping, ExtentEntry extent, long bytes)
    {
        if (_files.Locate(extent) is { } name && _medium.TryOpenFile(name, writable: true) is { } file)
        {
            using (file)
            {
                long from = (extent.Used - bytes) & -PageSizes.Huge2M;
                file.Reserve(from, RegionSizes.RoundUp(extent.Used, PageSizes.Huge2M) - from);
            }
        }
        else
        {
            throw ExtentException.Missing(mapping.Entry.Name, extent.Id, ExtentFiles.NameOf(extent.Id), extent.FileLength, Location, "it was removed while the region was open");
        }
    }

    private RegionMapping Map(RegionNode node) => Map(node, _files, loan: null);

    /// <summary>A writer opens a region: its files and the journal get a generation of their own, before anybody stores data.</summary>
    private RegionMapping MapForWriting(MetadataJournal journal, RegionNode node)
    {
        if (_tables.State.Frozen)
        {
            return Map(node);
        }

        RegionEntry entry = node.Entry with { Generation = node.Entry.Generation.Begin() };
        if (entry.Generation != node.Entry.Generation)
        {
            CheckExtents(node);
            journal.Commit(new Transaction().Put(entry));
            FlushStamp(_metadata.Address, _metadata.Length);
        }

        _stamping = true;
        RegionMapping mapping;
        try
        {
            mapping = Map(node);
        }
        finally
        {
            _stamping = false;
        }

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

    /// <summary>A disk writes what it likes first: the journal must not fall behind the files, nor they behind it.</summary>
    private void FlushStamp(nint address, long length)
    {
        if (_medium.Capabilities.CanFlush)
        {
            _medium.Flush(address, length);
        }
    }

    /// <summary>Looks whether a file that was just mapped is of the journal's generation, and stamps it where this is the writer's opening of the region.</summary>
    private unsafe void CheckGeneration(RegionNode node, ExtentEntry extent, nint address)
    {
        byte* file = (byte*)address;
        ExtentMark mark = ExtentMark.Read(file, extent.FileLength, extent.Nonce);
        if (!node.Entry.Generation.Accepts(mark.Generation))
        {
            throw ExtentException.OfOtherGeneration(node.Entry.Name, extent.Id, ExtentFiles.NameOf(extent.Id), mark.Epoch, _tables.State.Epoch);
        }

        if (_stamping)
        {
            ExtentMark.Stamp(file, extent.FileLength, extent.Nonce, node.Entry.Generation.Current, _journal!.Epoch);
            if (!mark.Committed)
            {
                ExtentMark.Commit(file, extent.FileLength, extent.Nonce);
            }

            FlushStamp(address + (nint)(extent.FileLength - ExtentIdentity.BlockBytes), ExtentIdentity.BlockBytes);
        }
    }

    private RegionMapping Map(RegionNode node, ExtentFiles files, MediumFile? loan)
    {
        CheckExtents(node);
        ExtentEntry last = node.Extents[^1];
        long held = node.Entry.Length;
        var mapping = new RegionMapping(node.Entry, Reserve(node.Entry, held - last.Used + last.FileLength)) { IsWritable = files.AreWritable, Loan = loan };
        try
        {
            MapExtents(mapping, node, files);
            return mapping;
        }
        catch
        {
            mapping.Unmap();
            throw;
        }
    }

    /// <summary>A region's extents add up to it.</summary>
    private void CheckExtents(RegionNode node)
    {
        long held = 0;
        for (int i = 0; i < node.Extents.Count; i++)
        {
            ExtentEntry extent = node.Extents[i];
            bool joins = extent.FileLength % Granularity == 0 && extent.Ordinal == i && extent.Used > 0 && extent.Used <= extent.Capacity(Granularity)
                && (i == node.Extents.Count - 1 || extent.Used == extent.Capacity(Granularity));
            held += joins ? extent.Used : 0;
        }

        if (held != node.Entry.Length)
        {
            throw ExtentException.Inconsistent(node.Entry.Name, node.Entry.Length, held);
        }
    }

    /// <summary>A region that is open already: a reader maps what the writer has added since.</summary>
    private RegionMapping Follow(RegionMapping mapping, RegionNode node)
    {
        if (IsReadOnly && node.Entry.Length > mapping.Length)
        {
            ExtentEntry last = node.Extents[^1];
            if (node.Entry.Length - last.Used + last.FileLength > mapping.Span)
            {
                throw new RegionSizeException(node.Entry.Name, node.Entry.Length, mapping.Span, "The region has grown beyond the address space it was opened with. Dispose of all openings of it and open it again. The space is");
            }

            if (mapping.Parts > 0)
            {
                mapping.ExtendLast(node.Extents[mapping.Parts - 1].Used);
            }

            MapExtents(mapping, node, _files);
        }

        return mapping;
    }

    private void MapExtents(RegionMapping mapping, RegionNode node, ExtentFiles files)
    {
        long start = 0;
        for (int i = 0; i < node.Extents.Count; i++)
        {
            // Each is verified before the next is mapped: the next covers this one's identity block.
            ExtentEntry extent = node.Extents[i];
            if (i >= mapping.Parts)
            {
                MediumFile file = files.Map(extent, mapping.Address + (nint)start, node.Entry.Name);
                try
                {
                    CheckGeneration(node, extent, mapping.Address + (nint)start);
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

                mapping.Add(extent, file);
            }

            start += extent.Used;
        }

        mapping.Publish(node.Entry);
    }

    /// <summary>Address space for a region's growth; where there is not that much, for what it has.</summary>
    private AddressReservation Reserve(RegionEntry entry, long mapped)
    {
        long alignment = Math.Max(entry.Alignment, Granularity);
        long least = Math.Max(mapped, RegionSizes.RoundUp(entry.Length, Granularity) + Granularity);
        long wanted = Math.Max(least, RegionSizes.RoundUp(entry.MaximumLength, Granularity) + Granularity);
        try
        {
            return new AddressReservation(wanted, alignment);
        }
        catch (MediumException) when (wanted > least)
        {
            return new AddressReservation(least, alignment);
        }
    }
}
