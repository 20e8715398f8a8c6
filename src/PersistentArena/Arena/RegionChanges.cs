using System.Security.Cryptography;
using GuestMemFs.Journal;
using GuestMemFs.Native;

namespace GuestMemFs.Arena;

/// <summary>
/// The writer's changes of regions: makes, grows, renames and deletes them, each by one transaction of the journal.
/// Used under the arena's lock.
/// </summary>
internal sealed class RegionChanges(ArenaFiles files, RegionTable table, SpaceLedger ledger, RegionMapper mapper)
{
    /// <summary>Room in the journal that creating and growing leave, so that deleting is always possible.</summary>
    private const int RoomToDelete = 16 * 1024;

    private const int ExtentBytes = 64;

    private readonly RegionLoans _loans = new(files, table);

    /// <summary>Makes a region, mapped.</summary>
    /// <param name="journal">The writer's.</param>
    /// <param name="options">Its entry, without what is drawn here.</param>
    /// <param name="createdUnixMilliseconds">Now.</param>
    /// <param name="numa">From which nodes its memory is taken; null for wherever.</param>
    public RegionMapping Create(
        MetadataJournal journal, RegionEntry options, long createdUnixMilliseconds, NumaPolicy? numa)
    {
        RegionEntry entry = options with
        {
            Id = journal.Tables.State.NextRegionId,
            Nonce = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))),
            Generation = RegionGeneration.Draw(),
            CreatedUnixMilliseconds = createdUnixMilliseconds,
        };
        SpaceAllocation allocation = ledger.Allocate(entry.Length, null, entry.Reserve, long.MaxValue);
        var mapping = new RegionMapping(entry, mapper.Reserve(entry, allocation.MappedBytes))
        {
            IsWritable = true,
            Locks = mapper.Locks,
        };
        try
        {
            if (numa is not null)
            {
                mapping.Place(numa, end: 0);
            }

            Place(journal, mapping, allocation, entry, null);
            return mapping;
        }
        catch
        {
            mapping.Unmap();
            throw;
        }
    }

    /// <summary>Makes a region longer, at its address; nothing where it has that length.</summary>
    /// <exception cref="RegionSizeException">It cannot be that long.</exception>
    /// <exception cref="RegionLentException">It is a running machine's memory.</exception>
    public void Grow(MetadataJournal journal, RegionMapping mapping, long newLength)
    {
        RegionNode node = table.Require(mapping.Entry);
        long length = node.Entry.Length;
        if (newLength == length)
        {
            return;
        }

        RegionSizes.CheckGrowth(node.Entry, newLength, mapping.Span - files.Granularity);
        _loans.RequireNotLent(node);
        long addressSpace = mapping.Span - length;
        SpaceAllocation allocation = ledger.Allocate(newLength - length, node, node.Entry.Reserve, addressSpace);
        long maximum = Math.Max(newLength, node.Entry.MaximumLength);
        Place(journal, mapping, allocation, node.Entry with { Length = newLength, MaximumLength = maximum }, node);
    }

    /// <summary>Changes a region's entry.</summary>
    public void Change(MetadataJournal journal, RegionNode node, RegionEntry entry)
    {
        journal.Commit(new Transaction().Put(entry));
        mapper.Changed(node);
    }

    /// <summary>Deletes a region; its extents are scrubbed before they are handed out again.</summary>
    /// <exception cref="RegionLentException">It is a running machine's memory.</exception>
    /// <exception cref="RegionInUseException">It is open.</exception>
    public void Delete(MetadataJournal journal, RegionNode node)
    {
        if (mapper.Find(node) is { } mapping)
        {
            throw new RegionInUseException(node.Entry.Name, mapping.Openings);
        }

        _loans.RequireNotLent(node);

        // Before the commit: a file whose unlink a loss of power takes back must not look as if it held data, nor one
        // that is kept for the next region.
        node.Extents.ForEach(files.Extents.Release);

        Transaction transaction = new Transaction().DropRegion(node.Entry.Id);
        foreach (ExtentEntry extent in node.Extents)
        {
            transaction.Put(extent with { Used = 0, RegionId = 0, Ordinal = 0, State = ExtentState.Dirty });
        }

        journal.Commit(transaction);
        try
        {
            new Recovery(files, journal).FinishDeletions();
        }
        catch (MediumException)
        {
            // The region is deleted, by the journal. That its files could not be removed now is not a reason to say it
            // was not: the next deletion or the next open does it.
        }
    }

    /// <summary>Places an allocation behind what the region has, and commits it.</summary>
    private void Place(
        MetadataJournal journal, RegionMapping mapping, SpaceAllocation allocation, RegionEntry entry, RegionNode? node)
    {
        long offset = (node?.Entry.Length ?? 0) + allocation.ExtendLastBy;
        var placer = new ExtentPlacer(files, journal.Epoch, ledger.Spare);
        ExtentEntry? longer = Longer(allocation, node);
        using MemoryPolicy.Scope scope = MemoryPolicy.Enter(mapping.Numa); // Space may be taken before it is mapped.
        try
        {
            var transaction = new Transaction();
            transaction.Put(entry);
            if (longer is not null)
            {
                transaction.Put(longer);
            }

            // Room first: nothing is made for a transaction that then does not fit.
            int extents = allocation.Extents.Count * ExtentBytes;
            journal.EnsureRoom(transaction.Length + extents + ExtentBytes + Math.Max(RoomToDelete, extents));
            if (longer is not null && entry.Reserve == RegionReserve.Full)
            {
                BackLonger(entry.Name, longer, allocation.ExtendLastBy);
            }

            placer.Place(allocation, entry, mapping.Address + (nint)offset, node, journal.Tables.State.NextExtentId);
            foreach ((ExtentEntry extent, _) in placer.Placed)
            {
                transaction.Put(extent);
            }

            mapping.Lock(node?.Entry.Length ?? 0, entry.Length);
            mapping.PlaceAdded(entry.Length);
            journal.Commit(transaction);
        }
        catch
        {
            placer.Undo();
            mapping.ClearBehind(offset, allocation.MappedBytes);
            throw;
        }

        placer.Committed();
        Show(mapping, entry, longer, placer.Placed);
    }

    /// <summary>What was committed can be used from here on.</summary>
    private static void Show(
        RegionMapping mapping,
        RegionEntry entry,
        ExtentEntry? longer,
        IReadOnlyList<(ExtentEntry Entry, MediumFile File)> placed)
    {
        if (longer is not null)
        {
            mapping.ExtendLast(longer.Used);
        }

        foreach ((ExtentEntry extent, MediumFile file) in placed)
        {
            mapping.Add(extent, file);
        }

        mapping.Publish(entry);
    }

    private static ExtentEntry? Longer(SpaceAllocation allocation, RegionNode? node) => allocation.ExtendLastBy == 0
        ? null
        : node!.Extents[^1] with { Used = node.Extents[^1].Used + allocation.ExtendLastBy };

    /// <summary>Takes space for what the last extent's file had left.</summary>
    private void BackLonger(string region, ExtentEntry extent, long bytes)
    {
        if (files.Extents.Locate(extent) is not { } name
            || files.Medium.TryOpenFile(name, writable: true) is not { } file)
        {
            throw ExtentException.Missing(
                region,
                extent.Id,
                ExtentFiles.NameOf(extent.Id),
                extent.FileLength,
                files.Location,
                "it was removed while the region was open");
        }

        using (file)
        {
            long from = (extent.Used - bytes) & -PageSizes.Huge2M;
            file.Reserve(from, RegionSizes.RoundUp(extent.Used, PageSizes.Huge2M) - from);
        }
    }
}
