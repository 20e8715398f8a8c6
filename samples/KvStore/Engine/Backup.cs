using System.Diagnostics;
using GuestMemFs;
using KvStore.Transport;

namespace KvStore.Engine;

/// <summary>
/// The store's copy in a file, and with a command where one is named, taken while it serves: by SAVE and BGSAVE, and
/// every so often. Thread-safe.
/// </summary>
internal sealed class Backup(PersistentHeap heap, ServerOptions options) : IDisposable
{
    /// <summary>After a failure copies that are due by changes are not tried sooner.</summary>
    private static readonly TimeSpan s_afterFailure = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _ends = new();
    private readonly DateTimeOffset _opened = WallClock.Now;
    private Thread? _running;
    private Func<long> _countChanges = () => 0;
    private long _changesBegun;
    private long _changesCopied;
    private long _begun = Stopwatch.GetTimestamp();
    private volatile DumpInfo? _last;

    /// <summary>Changes of keys that no copy has.</summary>
    public long Changes => _countChanges() - Interlocked.Read(ref _changesCopied);

    /// <summary>True where there is a place for it.</summary>
    public bool IsWanted => options.BackupFile.Length > 0;

    /// <summary>The last one; null where this process took none.</summary>
    public DumpInfo? Last => _last;

    /// <summary>When the last one was taken; or when the server was started, before the first.</summary>
    public DateTimeOffset LastTaken => _last?.Taken ?? _opened;

    /// <summary>Why the last try failed; null where it did not.</summary>
    public string? Failure { get; private set; }

    /// <summary>How long the last one took.</summary>
    public TimeSpan LastDuration { get; private set; }

    /// <summary>How long the one that is under way has taken so far.</summary>
    public TimeSpan? Running => IsRunning ? Stopwatch.GetElapsedTime(_begun) : null;

    private bool IsRunning
    {
        get
        {
            lock (_lock)
            {
                return _running is not null;
            }
        }
    }

    /// <summary>Takes one on a thread of its own; false where one is under way.</summary>
    public bool TryBegin()
    {
        lock (_lock)
        {
            if (_running is not null)
            {
                return false;
            }

            _running = new Thread(Run) { Name = "backup", IsBackground = true };
            NoteBegin();
            _running.Start();
            return true;
        }
    }

    /// <summary>Takes one here and now. Null, or why it could not be.</summary>
    public string? Save()
    {
        lock (_lock)
        {
            if (_running is not null)
            {
                return "Background save already in progress";
            }

            _running = Thread.CurrentThread;
            NoteBegin();
        }

        Run();
        return Failure;
    }

    /// <summary>Says how many changes there were so far.</summary>
    public void CountBy(Func<long> countChanges) => _countChanges = countChanges;

    /// <summary>Begins one where the last was begun so long ago, or so many changes are in none.</summary>
    public void BeginWhenDue()
    {
        TimeSpan since = Stopwatch.GetElapsedTime(_begun);
        bool isDue = (options.BackupEvery > TimeSpan.Zero && since >= options.BackupEvery)
            || (options.BackupChanges > 0 && Changes >= options.BackupChanges
                && (Failure is null || since >= s_afterFailure));
        if (IsWanted && isDue && TryBegin())
        {
            Console.WriteLine($"backup to {options.BackupFile}");
        }
    }

    /// <summary>Ends what is under way, and takes none any more; the files that are there stay.</summary>
    public void Stop()
    {
        _ends.Cancel();
        Thread? running;
        lock (_lock)
        {
            running = _running;
        }

        running?.Join();
    }

    /// <summary>The same. Before the store is closed.</summary>
    public void Dispose()
    {
        Stop();
        _ends.Dispose();
    }

    private void NoteBegin()
    {
        _begun = Stopwatch.GetTimestamp();
        _changesBegun = _countChanges();
    }

    private void Run()
    {
        try
        {
            DumpOptions how = new() { MaximumPause = options.BackupPause };
            _last = options.Backups.Write(heap, how, _ends.Token);
            Interlocked.Exchange(ref _changesCopied, _changesBegun);
            Failure = null;
        }
        catch (OperationCanceledException)
        {
            Failure = "the server was shut down";
        }
        catch (Exception e) when (e is ArenaException or IOException or UnauthorizedAccessException
            or ObjectDisposedException)
        {
            Failure = e.Message;
            StandardError.WriteLine($"backup: {e.Message}");
        }
        finally
        {
            LastDuration = Stopwatch.GetElapsedTime(_begun);
            lock (_lock)
            {
                _running = null;
            }
        }
    }
}
