using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using GuestMemFs.Format;
using GuestMemFs.Journal;
using GuestMemFs.Native;

namespace GuestMemFs.Arena;

/// <summary>
/// What a writer does about what was in flight when the last one ended: deletions are finished, files that were never committed are
/// removed or taken in. Each step can be killed and is done again by the next writer.
/// </summary>
internal sealed unsafe class Recovery(Medium medium, ExtentFiles files, MetadataJournal journal, Guid arenaId, long granularity)
{
    /// <summary>What a file's name begins with that was set aside.</summary>
    public const string Aside = "aside-";

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
    /// Where files are used again: finds those that the journal calls unused, and that say a region has them. The mark is taken from a file before its region is deleted, so
    /// the journal is an older one.
    /// </summary>
    public void FindMarked(HashSet<ulong> marked)
    {
        if (medium.Capabilities.UnlinkFreesSpace || journal.Tables.UnusedExtents == 0)
        {
            return;
        }

        foreach (ExtentEntry extent in journal.Tables.Extents)
        {
            if (extent.State != ExtentState.InUse && files.MarkOf(extent) is { Committed: true })
            {
                marked.Add(extent.Id);
            }
        }
    }

    /// <summary>
    /// Looks through the directory's names for extents that the journal does not know. One that says it is another arena's is left alone. One that may hold data is set aside: what
    /// is removed or taken in was made for a creation that was not committed, and says so.
    /// </summary>
    /// <param name="aside">Gets the names of those that were set aside, as they are now.</param>
    /// <returns>How many were removed or taken in, and how many are foreign.</returns>
    public (int Count, int Foreign) SweepOrphans(List<string> aside)
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
                ExtentMark mark = default;
                ExtentIdentity? identity = length > 0 ? files.Identify(file!, out mark) : null;
                if (file is null || (identity is { } known && !IsOrphan(known)))
                {
                    foreign += identity is { } it && it.ArenaId != arenaId ? 1 : 0;
                    continue;
                }

                if (length > 0 && MayHoldData(file, identity is not null, mark))
                {
                    aside.Add(SetAside(name));
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

    /// <summary>
    /// False where the file was made for a creation that was not committed. With an identity it says so by a generation without the mark that follows the commit; without one it
    /// was not written to at all, or lies on a medium that does not clear its memory, where nothing tells noise from data.
    /// </summary>
    private bool MayHoldData(MediumFile file, bool identified, ExtentMark mark) =>
        identified ? !mark.IsUncommitted : medium.Capabilities.FreshMemoryIsZero && !files.IsUntouched(file);

    /// <summary>Out of the way of new files, where the medium has other names; else it stays, and its name is not used again while it does.</summary>
    private string SetAside(string name)
    {
        IReadOnlyList<string> taken = medium.ListFiles();
        string other = Aside + name;
        for (int i = 2; taken.Contains(other); i++)
        {
            other = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Aside}{name}-{i}");
        }

        return medium.TryRename(name, other) ? other : name;
    }

    /// <summary>True where a file under an unknown extent's name is not another arena's, and not one of ours that a kexec put there.</summary>
    private bool IsOrphan(ExtentIdentity identity) =>
        identity.ArenaId == arenaId && identity.ExtentId != ExtentIdentity.MetadataId
        && journal.Tables.FindExtent(identity.ExtentId)?.Nonce != identity.Nonce;

    private ExtentEntry Adopt(MediumFile file, long length, ulong id)
    {
        ulong nonce = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));
        using var view = new AddressReservation(length, Math.Max(granularity, medium.Capabilities.Alignment));
        file.MapAt(view.Address, length, writable: true);

        // No identity, then the mark, then the identity: one with another nonce's mark would look as if an older library had made it, and might hold data.
        ExtentIdentity.Invalidate((byte*)view.Address, length);
        ExtentMark.Stamp((byte*)view.Address, length, nonce, RegionGeneration.Draw().Current, journal.Epoch);
        ExtentIdentity.Write((byte*)view.Address, length, arenaId, id, nonce);
        files.Created(id, nonce, file.Name);
        return new ExtentEntry(id, nonce, length, Used: 0, RegionId: 0, Ordinal: 0, ExtentState.Dirty);
    }
}
