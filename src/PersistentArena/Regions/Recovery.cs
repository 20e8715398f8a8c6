using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using GuestMemFs.Format;
using GuestMemFs.Journal;
using GuestMemFs.Native;

namespace GuestMemFs.Regions;

/// <summary>
/// What a writer does about what was in flight when the last one ended: deletions are finished, files that were never committed are
/// removed or taken in. Each step can be killed and is done again by the next writer.
/// </summary>
internal sealed unsafe class Recovery(Medium medium, ExtentFiles files, MetadataJournal journal, Guid arenaId, long granularity)
{
    /// <summary>Removes the files of deleted regions, where that gives their space back.</summary>
    /// <returns>How many there were.</returns>
    public int FinishDeletions()
    {
        if (journal.Tables.UnusedExtents == 0 || !medium.Capabilities.UnlinkFreesSpace)
        {
            return 0; // They are scrubbed when they are used again.
        }

        var transaction = new Transaction();
        int count = 0;
        foreach (ExtentEntry extent in journal.Tables.Extents)
        {
            if (extent.State == ExtentState.InUse)
            {
                continue;
            }

            if (files.Locate(extent) is { } name)
            {
                medium.DeleteFile(name);
                files.Deleted(extent.Id, extent.Nonce);
            }

            transaction.DropExtent(extent.Id);
            count++;
        }

        if (count > 0)
        {
            journal.Commit(transaction);
        }

        return count;
    }

    /// <summary>
    /// Looks through the directory's names for extents that the journal does not know. One that says it is another arena's is left alone.
    /// </summary>
    /// <returns>How many were removed or taken in, and how many are foreign.</returns>
    public (int Count, int Foreign) SweepOrphans()
    {
        var transaction = new Transaction();
        int count = 0;
        int foreign = 0;
        foreach (string name in medium.ListFiles())
        {
            if (!ExtentFiles.TryParseName(name, out ulong id) || journal.Tables.FindExtent(id) is not null)
            {
                continue;
            }

            long length;
            using (MediumFile? file = medium.TryOpenFile(name, writable: true))
            {
                length = file?.Length ?? 0;
                ExtentIdentity? identity = length > 0 ? files.Identify(file!) : null;
                if (file is null || (identity is { } known && !IsOrphan(known)))
                {
                    foreign += identity is { } it && it.ArenaId != arenaId ? 1 : 0;
                    continue;
                }

                if (!medium.Capabilities.UnlinkFreesSpace && length >= 2 * granularity && length % granularity == 0)
                {
                    transaction.Put(Adopt(file, length, id));
                    count++;
                    continue;
                }
            }

            if (medium.Capabilities.UnlinkFreesSpace || length == 0)
            {
                medium.DeleteFile(name);
                count++;
            }
        }

        if (!transaction.IsEmpty)
        {
            journal.Commit(transaction);
        }

        return (count, foreign);
    }

    /// <summary>True where a file under an unknown extent's name is not another arena's, and not one of ours that a kexec put there.</summary>
    private bool IsOrphan(ExtentIdentity identity) =>
        identity.ArenaId == arenaId && identity.ExtentId != ExtentIdentity.MetadataId
        && journal.Tables.FindExtent(identity.ExtentId)?.Nonce != identity.Nonce;

    private ExtentEntry Adopt(MediumFile file, long length, ulong id)
    {
        ulong nonce = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));
        using var view = new AddressReservation(length, Math.Max(granularity, medium.Capabilities.PageSize));
        file.MapAt(view.Address, length, writable: true);
        ExtentIdentity.Write((byte*)view.Address, length, arenaId, id, nonce);
        files.Created(id, nonce, file.Name);
        return new ExtentEntry(id, nonce, length, Used: 0, RegionId: 0, Ordinal: 0, ExtentState.Dirty);
    }
}
