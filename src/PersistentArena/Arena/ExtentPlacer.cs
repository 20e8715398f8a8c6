using System.Security.Cryptography;
using GuestMemFs.Format;
using GuestMemFs.Journal;
using GuestMemFs.Native;

namespace GuestMemFs.Arena;

/// <summary>
/// Carries a <see cref="SpaceAllocation"/> out: makes or takes over files, maps them where they belong, scrubs them and
/// writes their identity. Nothing counts until the journal commits it; <see cref="Undo"/> takes it back. Used once,
/// under the arena's lock.
/// </summary>
internal sealed unsafe class ExtentPlacer(ArenaFiles arena, uint epoch, List<ExtentEntry> spare)
{
    private readonly Medium _medium = arena.Medium;
    private readonly ExtentFiles _files = arena.Extents;
    private readonly List<(ExtentEntry Entry, MediumFile File)> _placed = [];
    private readonly List<ExtentEntry> _made = [];

    /// <summary>The new entries, in order, with their files, which are still open.</summary>
    public IReadOnlyList<(ExtentEntry Entry, MediumFile File)> Placed => _placed;

    /// <summary>Places all of an allocation's extents from an address on.</summary>
    /// <param name="allocation">The allocation.</param>
    /// <param name="region">The region's entry to be.</param>
    /// <param name="address">Where the first of them is mapped.</param>
    /// <param name="present">The region as it is; null for a new one.</param>
    /// <param name="nextExtentId">The first id that no extent has had.</param>
    public void Place(
        SpaceAllocation allocation, RegionEntry region, nint address, RegionNode? present, ulong nextExtentId)
    {
        uint ordinal = (uint)(present?.Extents.Count ?? 0);
        foreach (AllocatedExtent extent in allocation.Extents)
        {
            if (extent.Reuse is { } reuse)
            {
                Reuse(reuse, extent.Used, region, address, ordinal);
            }
            else
            {
                Make(extent, region, address, ordinal, ref nextExtentId);
            }

            address += (nint)extent.Used;
            ordinal++;
        }
    }

    /// <summary>The journal has it now.</summary>
    public void Committed()
    {
        foreach ((ExtentEntry entry, MediumFile file) in _placed)
        {
            _files.Commit(entry, file);
            spare.RemoveAll(e => e.Id == entry.Id);
        }
    }

    /// <summary>
    /// Takes everything back: new files are removed, or kept for the next time where removing them gives nothing back.
    /// </summary>
    public void Undo()
    {
        foreach ((_, MediumFile file) in _placed)
        {
            file.Dispose();
        }

        foreach (ExtentEntry entry in _made)
        {
            if (!_medium.Capabilities.UnlinkFreesSpace || !TryDelete(entry))
            {
                spare.Add(entry);
            }
        }
    }

    private static ulong RandomNonce() => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));

    private void Reuse(ExtentEntry extent, long used, RegionEntry region, nint address, uint ordinal)
    {
        MediumFile file = _files.Map(extent, address, region.Name);
        ExtentEntry entry = extent with { Used = used, RegionId = region.Id, Ordinal = ordinal,
            State = ExtentState.InUse };
        _placed.Add((entry, file));
        long capacity = extent.Capacity(arena.Granularity);
        if (extent.State == ExtentState.Dirty)
        {
            if (file.TryDiscard(0, capacity))
            {
                ReserveData(file, used, region);
            }
            else
            {
                file.Reserve(0, capacity);
                Persist.Fill((void*)address, capacity, 0);
            }
        }
        else
        {
            ReserveData(file, used, region);
        }

        OwnerHint.Write((byte*)address, extent.FileLength, region.Id, region.Nonce, ordinal, extent.Nonce);
        ExtentMark.Stamp((byte*)address, extent.FileLength, extent.Nonce, region.Generation.Current, epoch);
    }

    private void Make(AllocatedExtent extent, RegionEntry region, nint address, uint ordinal, ref ulong nextExtentId)
    {
        MediumFile file = _files.Create(ref nextExtentId, extent.FileLength, out ulong id);
        var entry = new ExtentEntry(id, RandomNonce(), extent.FileLength, extent.Used, region.Id, ordinal,
            ExtentState.InUse);
        _placed.Add((entry, file));
        _made.Add(entry with { Used = 0, RegionId = 0, Ordinal = 0, State = ExtentState.Dirty });
        ReserveData(file, extent.Used, region);
        file.Reserve(extent.FileLength - ExtentIdentity.BlockBytes, ExtentIdentity.BlockBytes);
        file.MapAt(address, extent.FileLength, writable: true);
        if (!_medium.Capabilities.FreshMemoryIsZero)
        {
            // A heap makes no difference between stale bytes and none, and zeroing all of it would cost what a load
            // costs; its identity block's tail is cleared anyhow.
            long clear = region.Kind == RegionKind.Heap ? 0 : extent.FileLength - arena.Granularity;
            Persist.Fill((void*)address, clear, 0);
            Persist.Fill((byte*)address + extent.FileLength - ExtentIdentity.BlockBytes, ExtentIdentity.BlockBytes, 0);
        }

        // Before the identity: one that is there without a mark is an older library's, and nobody can tell whether it
        // holds data.
        ExtentMark.Stamp((byte*)address, extent.FileLength, entry.Nonce, region.Generation.Current, epoch);
        ExtentIdentity.Write((byte*)address, extent.FileLength, arena.Id, id, entry.Nonce);
        OwnerHint.Write((byte*)address, extent.FileLength, region.Id, region.Nonce, ordinal, entry.Nonce);
        PowerLoss.KeepFile(_medium, address + (nint)(extent.FileLength - ExtentIdentity.BlockBytes));
        _files.Created(id, entry.Nonce, ExtentFiles.NameOf(id));
    }

    private static void ReserveData(MediumFile file, long used, RegionEntry region)
    {
        if (region.Reserve == RegionReserve.Full)
        {
            // Whole huge pages: what is left of the last one costs less than its being made of small ones.
            file.Reserve(0, RegionSizes.RoundUp(used, PageSizes.Huge2M));
        }
    }

    private bool TryDelete(ExtentEntry entry)
    {
        try
        {
            _medium.DeleteFile(ExtentFiles.NameOf(entry.Id));
            _files.Deleted(entry.Id, entry.Nonce);
            return true;
        }
        catch (MediumException)
        {
            // What is reported is why it was undone; this file is used next time, or swept at the next recovery.
            return false;
        }
    }
}
