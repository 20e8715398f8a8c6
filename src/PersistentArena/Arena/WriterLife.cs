using GuestMemFs.Journal;
using GuestMemFs.Native;

namespace GuestMemFs.Arena;

/// <summary>
/// A writer from its attach until it closes the arena: whether it counts as one that ended early, and its clean end.
/// </summary>
/// <remarks>
/// It counts as one that ended early until it has lived for long. A timer sees to that only where there were others
/// before it: else <see cref="SettleWhenDue"/>, and a writer that never calls it counts once.
/// </remarks>
internal sealed class WriterLife : IDisposable
{
    private readonly Lock _lock;
    private readonly ArenaFiles _files;
    private readonly MetadataJournal _journal;
    private readonly TimeProvider _clock;
    private readonly TimeSpan _early;
    private readonly long _attachedAt;
    private readonly ITimer? _timer;
    private bool _settled;

    /// <summary>Begins.</summary>
    /// <param name="arenaLock">The arena's lock.</param>
    /// <param name="files">What the arena lies on.</param>
    /// <param name="journal">The writer's.</param>
    /// <param name="options">With the clock, and what is early.</param>
    /// <param name="earlyEnds">How many writers before this one ended early.</param>
    public WriterLife(Lock arenaLock, ArenaFiles files, MetadataJournal journal, ArenaOptions options, int earlyEnds)
    {
        _lock = arenaLock;
        _files = files;
        _journal = journal;
        _clock = options.TimeProvider;
        _early = options.CrashLoop.EarlyWithin;
        _attachedAt = _clock.GetTimestamp();
        if (earlyEnds > 0)
        {
            _timer = _clock.CreateTimer(_ => SettleFromTimer(), null, _early, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Ends the count where the writer has lived for long. Under the arena's lock.</summary>
    public void SettleWhenDue()
    {
        bool livedForLong = _clock.GetElapsedTime(_attachedAt) >= _early;
        if (!_settled && livedForLong && !_journal.Tables.State.Frozen && _journal.IsNewest)
        {
            _settled = true;
            EarlyEnds.Settle(_files.Layout);
        }
    }

    /// <summary>
    /// Marks the arena closed, unless there are files to be swept, which only a later writer can. Under the arena's
    /// lock.
    /// </summary>
    /// <param name="spare">Files that were made in vain: the journal takes them in.</param>
    public void Close(List<ExtentEntry> spare)
    {
        try
        {
            if (spare.Count > 0 && _journal.Tables.State.Frozen)
            {
                // While it is frozen nobody may take them in: it stays marked open, so that a later writer does.
                return;
            }

            if (spare.Count > 0)
            {
                var transaction = new Transaction();
                spare.ForEach(extent => transaction.Put(extent));
                _journal.Commit(transaction);
            }

            // Who closes clean leaves nothing to be swept, not even names that a loss of power would bring back.
            PowerLoss.KeepFile(_files.Medium, _files.Metadata.Address);
            WriterLock.Close(_files.Layout, _journal.Epoch);
        }
        catch (Exception e) when (e is ArenaFencedException or ArenaMetadataFullException or MediumException)
        {
            // Another writer has the arena: closing it is its business now. Or files are left to be swept: it stays
            // marked open, so that the next writer does.
        }
    }

    /// <summary>Nothing is counted from here on. Under the arena's lock.</summary>
    public void Dispose()
    {
        _settled = true;
        _timer?.Dispose();
    }

    private void SettleFromTimer()
    {
        lock (_lock)
        {
            SettleWhenDue();
        }
    }
}
