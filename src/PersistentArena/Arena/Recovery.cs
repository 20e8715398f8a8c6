using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using GuestMemFs.Format;
using GuestMemFs.Journal;
using GuestMemFs.Native;

namespace GuestMemFs.Arena;

/// <summary>
/// What a writer does about what was in flight when the last one ended: deletions are finished, files that were never
/// committed are removed or taken in. Each step can be killed and is done again by the next writer.
/// </summary>
internal sealed unsafe class Recovery(ArenaFiles arena, MetadataJournal journal)
{
    private readonly Medium _medium = arena.Medium;
    private readonly ExtentFiles _files = arena.Extents;

    /// <summary>What a file's name begins with that was set aside.</summary>
    public const string Aside = "aside-";

    /// <summary>Does all of it, for a writer that has just attached; nothing where the metadata stands still.</summary>
    /// <param name="clean">True where the last writer closed the arena: then nothing was in flight.</param>
    /// <param name="findings">Told about what was found.</param>
    /// <returns>Extents that the journal calls unused, and whose files say that a region has them.</returns>
    public IReadOnlySet<ulong> Run(bool clean, List<AttachReason> findings)
    {
        if (journal.Tables.State.Frozen)
        {
            return new HashSet<ulong>();
        }

        if (FinishDeletions() is > 0 and int deleted)
        {
            string text = $"{deleted} files of deleted regions were removed: the deletion had been interrupted.";
            findings.Add(new(ReasonCodes.DeletionFinished, text));
        }

        HashSet<ulong> marked = FindMarked();
        List<string> aside = [.. marked.Select(ExtentFiles.NameOf)];
        (int orphans, int foreign) = clean ? (0, 0) : SweepOrphans(aside);
        NoteAside(aside, findings);
        if (orphans > 0)
        {
            string done = _medium.Capabilities.UnlinkFreesSpace ? "removed" : "taken in for the next ones";
            findings.Add(new(
                ReasonCodes.OrphansAdopted,
                $"{orphans} files were made for regions whose creation was interrupted; they were {done}."));
        }

        NoteForeign(foreign, findings);
        return marked;
    }

    /// <summary>Removes the files of deleted regions, where that gives their space back.</summary>
    /// <returns>How many there were.</returns>
    public int FinishDeletions()
    {
        if (journal.Tables.UnusedExtents == 0 || !_medium.Capabilities.UnlinkFreesSpace)
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

            if (_files.Locate(extent) is { } name)
            {
                _medium.DeleteFile(name);
                _files.Deleted(extent.Id, extent.Nonce);
            }

            transaction.DropExtent(extent.Id);
            count++;
        }

        journal.Commit(transaction); // not empty: some are unused
        return count;
    }

    /// <summary>
    /// Where files are used again: finds those that the journal calls unused, and that say a region has them. The mark
    /// is taken from a file before its region is deleted, so the journal is an older one.
    /// </summary>
    private HashSet<ulong> FindMarked() => _medium.Capabilities.UnlinkFreesSpace || journal.Tables.UnusedExtents == 0
        ? []
        : [.. journal.Tables.Extents
            .Where(extent => extent.State != ExtentState.InUse && _files.MarkOf(extent) is { Committed: true })
            .Select(extent => extent.Id)];

    /// <summary>
    /// Looks through the directory's names for extents that the journal does not know. One that says it is another
    /// arena's is left alone. One that may hold data is set aside: what is removed or taken in was made for a creation
    /// that was not committed, and says so.
    /// </summary>
    /// <param name="aside">Gets the names of those that were set aside, as they are now.</param>
    /// <returns>How many were removed or taken in, and how many are foreign.</returns>
    private (int Count, int Foreign) SweepOrphans(List<string> aside)
    {
        var transaction = new Transaction();
        int count = 0;
        int foreign = 0;
        foreach (string name in _medium.ListFiles())
        {
            if (!ExtentFiles.TryParseName(name, out ulong id) || journal.Tables.FindExtent(id) is not null)
            {
                continue;
            }

            switch (Sweep(name, id, transaction))
            {
                case Orphan.Foreign:
                    foreign++;
                    break;
                case Orphan.MayHoldData:
                    aside.Add(SetAside(name));
                    break;
                case Orphan.Adopted:
                    count++;
                    break;
                case Orphan.Empty:
                    _medium.DeleteFile(name);
                    count++;
                    break;
                case Orphan.None:
                default:
                    break;
            }
        }

        if (!transaction.IsEmpty)
        {
            journal.Commit(transaction);
        }

        return (count, foreign);
    }

    /// <summary>Looks at a file under the name of an extent that the journal does not know, and takes it in.</summary>
    private Orphan Sweep(string name, ulong id, Transaction transaction)
    {
        using MediumFile? file = _medium.TryOpenFile(name, writable: true);
        if (file is null)
        {
            return Orphan.None;
        }

        long length = file.Length;
        ExtentMark mark = default;
        ExtentIdentity? identity = length > 0 ? _files.Identify(file, out mark) : null;
        if (identity is { } known && !IsOrphan(known))
        {
            return known.ArenaId != arena.Id ? Orphan.Foreign : Orphan.None;
        }

        if (length > 0 && MayHoldData(file, identity is not null, mark))
        {
            return Orphan.MayHoldData;
        }

        if (_medium.Capabilities.UnlinkFreesSpace || length == 0)
        {
            return Orphan.Empty;
        }

        if (length < 2 * arena.Granularity || length % arena.Granularity != 0)
        {
            return Orphan.None;
        }

        transaction.Put(Adopt(file, length, id));
        return Orphan.Adopted;
    }

    /// <summary>
    /// False where the file was made for a creation that was not committed. With an identity it says so by a generation
    /// without the mark that follows the commit; without one it was not written to at all, or lies on a medium that
    /// does not clear its memory, where nothing tells noise from data.
    /// </summary>
    private bool MayHoldData(MediumFile file, bool identified, ExtentMark mark) =>
        identified ? !mark.IsUncommitted : _medium.Capabilities.FreshMemoryIsZero && !_files.IsUntouched(file);

    /// <summary>
    /// Out of the way of new files, where the medium has other names; else it stays, and its name is not used again
    /// while it does.
    /// </summary>
    private string SetAside(string name)
    {
        IReadOnlyList<string> taken = _medium.ListFiles();
        string other = Aside + name;
        for (int i = 2; taken.Contains(other); i++)
        {
            other = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Aside}{name}-{i}");
        }

        return _medium.TryRename(name, other) ? other : name;
    }

    /// <summary>
    /// True where a file under an unknown extent's name is not another arena's, and not one of ours that a kexec put
    /// there.
    /// </summary>
    private bool IsOrphan(ExtentIdentity identity) =>
        identity.ArenaId == arena.Id && identity.ExtentId != ExtentIdentity.MetadataId
        && journal.Tables.FindExtent(identity.ExtentId)?.Nonce != identity.Nonce;

    private ExtentEntry Adopt(MediumFile file, long length, ulong id)
    {
        ulong nonce = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));
        using var view = new AddressReservation(length, Math.Max(arena.Granularity, _medium.Capabilities.Alignment));
        file.MapAt(view.Address, length, writable: true);

        // No identity, then the mark, then the identity: one with another nonce's mark would look as if an older
        // library had made it, and might hold data.
        ExtentIdentity.Invalidate((byte*)view.Address, length);
        ExtentMark.Stamp((byte*)view.Address, length, nonce, RegionGeneration.Draw().Current, journal.Epoch);
        ExtentIdentity.Write((byte*)view.Address, length, arena.Id, id, nonce);
        _files.Created(id, nonce, file.Name);
        return new ExtentEntry(id, nonce, length, Used: 0, RegionId: 0, Ordinal: 0, ExtentState.Dirty);
    }

    private static void NoteAside(List<string> aside, List<AttachReason> findings)
    {
        const int Named = 5;
        if (aside.Count > 0)
        {
            string names = string.Join(", ", aside.Take(Named)) + (aside.Count > Named ? ", ..." : "");
            findings.Add(new(
                ReasonCodes.FilesSetAside,
                $"{aside.Count} files may hold data of regions, and arena.meta does not know them: it may be an older "
                + $"copy. They were set aside ({names}), and are found by their identity where the right arena.meta "
                + "comes back. 'gmfs repair' moves them into a quarantine directory."));
        }
    }

    private static void NoteForeign(int foreign, List<AttachReason> findings)
    {
        if (foreign > 0)
        {
            findings.Add(new(
                ReasonCodes.ForeignFilesIgnored,
                $"{foreign} files under names of this arena's hold another arena's identity and were left alone. Where "
                + "that arena is gone, delete them."));
        }
    }

    /// <summary>What a file is whose name is an extent's, and that the journal does not know.</summary>
    private enum Orphan
    {
        /// <summary>Nothing to be done about: it is gone, or it is an extent under another's name.</summary>
        None,

        /// <summary>Another arena's.</summary>
        Foreign,

        /// <summary>It may hold a region's data.</summary>
        MayHoldData,

        /// <summary>Made for a creation that was not committed, and taken in.</summary>
        Adopted,

        /// <summary>Made for a creation that was not committed; to be removed.</summary>
        Empty,
    }
}
