using System.Diagnostics;
using System.Text;
using GuestMemFs;
using KvStore.Access;
using KvStore.Protocol;
using KvStore.Session;

namespace KvStore.Engine;

/// <summary>
/// What commands work on: the keys, who watches them, the figures. One thread at a time: whoever holds
/// <see cref="Gate"/>.
/// </summary>
/// <remarks>One event loop serves all connections, so the gate is hardly ever contended; it is what keeps a shutdown,
/// which comes from another thread, out of a running batch or transaction.</remarks>
internal sealed class KvEngine(Keyspace keyspace, ServerOptions options)
{
    private readonly StreamLeftovers _leftovers = new(keyspace.Databases);

    public Lock Gate { get; } = new();

    /// <summary>True while a group of writes is open: nothing new can be made in the heap.</summary>
    public bool InGroup { get; private set; }

    public Keyspace Keyspace { get; } = keyspace;

    /// <summary>The keys of the database that the running command works on.</summary>
    public PersistentDictionary Keys => Keyspace.Keys;

    public Databases Databases { get; } = keyspace.Databases;

    /// <summary>True where nothing may be changed: the store was opened so.</summary>
    public bool IsReadOnly { get; } = keyspace.IsReadOnly;

    /// <summary>True while the store's files are gone. Under the gate.</summary>
    public bool FilesLost { get; set; }

    /// <summary>The refusal of writes as things are; empty where they are taken.</summary>
    public ReadOnlySpan<byte> WriteRefusal =>
        IsReadOnly ? Errors.ReadOnly
        : Follows ? Errors.IsReplica
        : FilesLost && Options.ReadOnlyWithoutFiles ? Errors.FilesLost
        : Options.LeastReplicas > 0 && Options.MostReplicaLag > 0 && Feed.CountGood() < Options.LeastReplicas
            ? Errors.NoReplicas
        : default;

    /// <summary>The refusal of commands on keys as things are; empty where they are taken.</summary>
    public ReadOnlySpan<byte> DataRefusal =>
        !Follows ? default
        : Following.IsLoading ? Errors.Loading
        : Following.State != MasterLinkState.Connected && !Options.ServesStaleData ? Errors.MasterDown
        : default;

    /// <summary>True where the keys take more than CONFIG SET maxmemory allows them.</summary>
    /// <remarks>With a limit that has no room for one more record they do.</remarks>
    public bool IsOverLimit =>
        Keyspace.Limit != long.MaxValue && Databases.RecordBytes > Keyspace.Limit - SmallestRecord;

    private const long SmallestRecord = 64;

    /// <summary>True where commands that need more memory have to wait until there is more.</summary>
    public bool IsShort => !Keyspace.Ballast.IsIn || IsOverLimit;

    public ServerOptions Options { get; } = options;

    public UserTable Users { get; } = new();

    /// <summary>Whether anybody wants to know which keys change.</summary>
    public KeyOnlookers Onlookers { get; } = new();

    public WatchTable Watches => field ??= new WatchTable(Onlookers, Databases);

    /// <summary>Which clients wait for which keys.</summary>
    public WaitingTable Waiting => field ??= new WaitingTable(Onlookers, Databases);

    /// <summary>Which clients have read which keys into caches of their own.</summary>
    public TrackingTable Tracking =>
        field ??= new TrackingTable(Onlookers, new InvalidationMessages(PubSub, id => Server.FindSession(id)));

    /// <summary>CLIENT PAUSE.</summary>
    public ClientPause Pause => field ??= new ClientPause(LookAtCommands);

    /// <summary>True where more than running it is to be done about each command.</summary>
    public bool IsSpecial { get; private set; } = options.TimesBriefCommands;

    /// <summary>A pause began or ended, or options changed: sees whether commands are special now.</summary>
    public void LookAtCommands() => IsSpecial = Pause.IsOn || Options.TimesBriefCommands || Busy is not null
        || Keyspace.Limit != long.MaxValue || !RemovesExpired;

    /// <summary>A script that takes long, while others are served; null else. Few commands run meanwhile.</summary>
    public RunningScript? Busy { get; private set; }

    /// <summary>Serves others, once, while a script takes long.</summary>
    public void ServeMeanwhile(RunningScript script)
    {
        int selected = Databases.Selected.Number;
        Busy = script;
        LookAtCommands();
        try
        {
            Server.ServeMeanwhile();
        }
        finally
        {
            Busy = null;
            LookAtCommands();
            Databases.Select(selected);
        }
    }

    /// <summary>Who sees each command.</summary>
    public Monitors Monitors => field ??= new Monitors(PubSub);

    /// <summary>True where anybody does.</summary>
    public bool HasMonitors { get; set; }

    /// <summary>The commands that took long.</summary>
    public SlowLog SlowLog { get; } = new();

    /// <summary>How often commands ran, and how long that took.</summary>
    public CommandStatistics CommandStatistics { get; } = new();

    /// <summary>What took longer than a threshold.</summary>
    public LatencyMonitor Latency { get; } = new();

    /// <summary>False where expired keys stay until they are asked for: DEBUG SET-ACTIVE-EXPIRE 0.</summary>
    public bool RemovesExpired { get; set; } = true;

    /// <summary>What commands did not find.</summary>
    public MissedKeys Missed { get; } = new();

    /// <summary>True where scripts may call DEBUG: DEBUG SET-DISABLE-DENY-SCRIPTS 1.</summary>
    public bool ScriptsMayDebug { get; set; }

    /// <summary>What runs scripts; null before the first.</summary>
    public IScriptFlags? Scripts { get; set; }

    /// <summary>How many scripts are kept.</summary>
    public int KeptScripts { get; set; }

    /// <summary>What runs functions; null before the first.</summary>
    public IScriptFlags? Functions { get; set; }

    /// <summary>What replicas hear.</summary>
    public ChangeFeed Feed { get; } = new(keyspace, options);

    /// <summary>Whose replica it is, and how far it has come.</summary>
    public Following Following { get; } = new(keyspace.Master);

    /// <summary>True where it is a replica: it changes by what its master sends, and by nothing else.</summary>
    public bool Follows => Following.IsOn;

    /// <summary>True where each change is recorded for replicas. A replica has its master's records.</summary>
    public bool Replicates => Feed.IsOn && !Follows;

    /// <summary>How many groups were taken back.</summary>
    public long Rollbacks { get; private set; }

    public PubSub PubSub { get; } = new();

    public ErrorCodes ErrorCodes { get; } = new();

    public Statistics Statistics { get; } = new();

    /// <summary>True once the store is about to be closed: nothing may touch it any more. Under the gate.</summary>
    public bool Closed { get; private set; }

    /// <summary>Which keys may go next.</summary>
    public EvictionPool Evictable { get; } = new(keyspace.Databases, options);

    /// <summary>When keys were used, or how often; null where nobody asks for it.</summary>
    public KeyUsage? Usage => Evictable.Usage;

    private const int BucketsRecordedAtATime = 64;

    /// <summary>How often room is made for one command, each time twice as much.</summary>
    public const int MostTries = 16;

    /// <summary>True where it helps to make room and to run again what found none.</summary>
    public bool MayRetry(int tries) =>
        tries < MostTries && (Keyspace.Ballast.IsIn || Options.Policy != EvictionPolicy.NoEviction);

    /// <summary>True where a command of the open group found no room.</summary>
    public bool RanOutOfRoom { get; set; }

    /// <summary>A clock that only goes forward, for what waits.</summary>
    public static long Milliseconds => Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1000);

    /// <summary>The first whole millisecond of <see cref="Milliseconds"/> at which so many are over: the present one
    /// has begun already and does not count. The last there is where that is past it.</summary>
    public static long DueIn(long milliseconds)
    {
        long next = Milliseconds + 1;
        return milliseconds > long.MaxValue - next ? long.MaxValue : next + milliseconds;
    }

    /// <summary>Tells those who want to know that a key changed.</summary>
    public void Touch(ReadOnlySpan<byte> key)
    {
        Watches.Touch(key);
        Waiting.Touch(key);
        Tracking.Touch(key, PubSub.Current);
    }

    /// <summary>Tells them that all keys are about to be removed.</summary>
    public void TouchAll(Database database)
    {
        Watches.TouchAll(database);
        Waiting.TouchAll(database.Number);
        Tracking.TouchAll(PubSub.Current);
    }

    /// <summary>A client is about to go, or begins anew: it waits for nothing and hears of nothing.</summary>
    public void Forget(ClientSession session)
    {
        Watches.Remove(session);
        PubSub.Remove(session);
        Waiting.Remove(session);
        Tracking.Disable(session);
        Pause.Forget(session);
        Monitors.Remove(session);
        Feed.Remove(session);
        HasMonitors = Monitors.Any;
    }

    /// <summary>A client leaves MULTI: its commands are forgotten, and the keys that it watches.</summary>
    public void LeaveTransaction(ClientSession session)
    {
        session.Transaction?.Dispose();
        session.Transaction = null;
        Watches.Remove(session);
    }

    /// <summary>What a command on a hash works on.</summary>
    public FieldMap Hash => field ??= new FieldMap(Keyspace, Options, RecordType.Hash);

    /// <summary>What a command on a set works on.</summary>
    public FieldMap Set => field ??= NewSet();

    /// <summary>One more, for commands on several sets.</summary>
    public FieldMap NewSet() => new(Keyspace, Options, RecordType.Set);

    /// <summary>What a command on a list works on.</summary>
    public ElementList List => field ??= NewList();

    /// <summary>One more, for commands on two lists.</summary>
    public ElementList NewList() => new(Keyspace, Options);

    /// <summary>What a command on a sorted set works on.</summary>
    public ScoredSet SortedSet => field ??= NewSortedSet();

    /// <summary>One more, for commands on several sorted sets.</summary>
    public ScoredSet NewSortedSet() => new(Keyspace, Options);

    /// <summary>What a command on a stream works on.</summary>
    public EntryStream Stream => field ??= new EntryStream(Keyspace, _leftovers);

    /// <summary>Frees in the background what streams have left over.</summary>
    public StreamSweep StreamSweep => field ??= new StreamSweep(Keyspace, _leftovers);

    /// <summary>Where scans of large collections go on.</summary>
    public ScanCursors ScanCursors { get; } = new();

    /// <summary>The server's connections and switches, for the commands that show and change them.</summary>
    public required IServerControl Server { get; init; }

    /// <summary>Starts a group of writes that a crash leaves all or none of. Inside a group it is that group.</summary>
    /// <param name="changes">How many keys change at most, so that a full arena says so before the first; 0: no group
    /// is needed.</param>
    public AtomicScope BeginAtomic(int changes)
    {
        if (changes == 0 || InGroup)
        {
            return default;
        }

        var group = new AtomicScope(this, Keys.BeginAtomic(changes));
        InGroup = true;
        return group;
    }

    /// <summary>The same, and no group where there is no room for one.</summary>
    public AtomicScope BeginAtomicWhereRoom(int changes)
    {
        try
        {
            return BeginAtomic(changes);
        }
        catch (ArenaOutOfSpaceException)
        {
            return default;
        }
    }

    /// <summary>
    /// Starts a group for a change of the server's own where changes are recorded. Where there is no room for one, the
    /// ballast goes; without it, the change goes without a record, and replicas begin anew.
    /// </summary>
    public AtomicScope BeginRecorded()
    {
        if (!Replicates || InGroup)
        {
            return default;
        }

        for (bool more = true; more; more = Keyspace.Ballast.TryThrowOut())
        {
            try
            {
                return BeginAtomic(1);
            }
            catch (ArenaOutOfSpaceException)
            {
                // Once more, with what the ballast gives.
            }
        }

        Feed.Lose("a change found no room for a group with its record");
        return default;
    }

    /// <summary>Records a command for replicas that is no change of the data.</summary>
    public void Record(ReadOnlySpan<byte> command)
    {
        AtomicScope atomic = BeginRecorded();
        try
        {
            if (Replicates)
            {
                Feed.Effects.Raw(command);
            }

            atomic.Commit();
        }
        finally
        {
            atomic.Dispose();
        }
    }

    /// <summary>Publishes what happened to a key, to those who want to know of such.</summary>
    public void Notify(KeyEvents kind, string name, ReadOnlySpan<byte> key)
    {
        KeyEvents wanted = Options.KeyEvents;
        if ((wanted & kind) == 0 || !PubSub.Any)
        {
            return;
        }

        ReadOnlySpan<byte> word = Encoding.ASCII.GetBytes(name);
        if ((wanted & KeyEvents.Keyspace) != 0)
        {
            PubSub.Publish(ChannelKind.Channel, [.. EventChannel("keyspace"), .. key], word);
        }

        if ((wanted & KeyEvents.Keyevent) != 0)
        {
            PubSub.Publish(ChannelKind.Channel, [.. EventChannel("keyevent"), .. word], key);
        }
    }

    /// <summary>Removes what has expired in the selected database's next buckets, and publishes it; how many.</summary>
    public int RemoveExpired(int buckets)
    {
        int removed = 0;
        for (; buckets > 0 && Replicates; buckets -= BucketsRecordedAtATime)
        {
            removed += RemoveExpiredAndRecord(Math.Min(buckets, BucketsRecordedAtATime));
        }

        if (buckets > 0)
        {
            var publisher = new ExpiredPublisher(this, null);
            removed += Keys.RemoveExpired(buckets, ref publisher);
        }

        return removed;
    }

    /// <summary>Removes what commands did not find because it has expired. Not inside a group.</summary>
    public void RemoveMissed()
    {
        bool may = WriteRefusal.IsEmpty && !Pause.IsOn;
        foreach ((int database, byte[] key) in Missed.Take())
        {
            if (may)
            {
                Databases.Select(database);
                RemoveExpired(key);
            }
        }
    }

    /// <summary>Removes a key of the selected database where it has expired, and publishes it.</summary>
    private void RemoveExpired(byte[] key)
    {
        AtomicScope atomic = BeginRecorded();
        try
        {
            long before = Keys.Count;
            var removal = default(ExpiredRemoval);
            Keys.Mutate(key, ref removal);
            if (Keys.Count < before)
            {
                Statistics.Expired++;
                Notify(KeyEvents.Expired, "expired", key);
                Touch(key);
                RecordGone(Replicates ? [key] : []);
            }

            atomic.Commit();
        }
        finally
        {
            atomic.Dispose();
        }
    }

    private int RemoveExpiredAndRecord(int buckets)
    {
        AtomicScope atomic = BeginRecorded();
        try
        {
            List<byte[]> gone = [];
            var publisher = new ExpiredPublisher(this, gone);
            int removed = Keys.RemoveExpired(buckets, ref publisher);
            RecordGone(gone);
            atomic.Commit();
            return removed;
        }
        finally
        {
            atomic.Dispose();
        }
    }

    private void RecordGone(List<byte[]> keys)
    {
        foreach (byte[] key in keys)
        {
            Feed.Effects.OfKey(Databases.Selected.Number, "DEL"u8, key);
        }
    }

    /// <summary>
    /// Frees entries of collections that are gone, about so many, of a database; true where none is left. A key that
    /// has expired, and that nobody removed before, goes with its collection, and is published.
    /// </summary>
    public bool FreeNested(Database database, int entries)
    {
        if (database.Nested is not { } nested)
        {
            return true;
        }

        int selected = Databases.Selected.Number;
        Databases.Select(database.Number);
        try
        {
            List<byte[]>? gone = Replicates ? [] : null;
            var publisher = new ExpiredPublisher(this, gone);
            bool isDone = CollectNested(nested, entries, ref publisher);
            if (gone is { Count: > 0 })
            {
                // A kill before it leaves keys at replicas that have expired: nobody sees them, and the next write of
                // such a key removes it first.
                AtomicScope atomic = BeginRecorded();
                RecordGone(Replicates ? gone : []);
                atomic.Commit();
                atomic.Dispose();
            }

            return isDone;
        }
        finally
        {
            Databases.Select(selected); // also where a note finds no room: the caller has selected it
        }
    }

    /// <summary>Removes all keys of all databases, and all functions; not in a group.</summary>
    public void RemoveAll()
    {
        foreach (Database database in Databases.Made)
        {
            TouchAll(database);
            database.Clear();
        }

        Keyspace.Functions.Open().Clear();
        Functions?.Dispose();
        Functions = null; // it is made again, of what is stored then
    }

    private bool CollectNested(NestedCollections nested, int entries, ref ExpiredPublisher publisher)
    {
        if (!Follows)
        {
            return nested.CollectGarbage(entries, ref publisher);
        }

        WallClock.HoldPast(); // what has expired is the master's to remove
        try
        {
            return nested.CollectGarbage(entries, ref publisher);
        }
        finally
        {
            WallClock.ReleasePast();
        }
    }

    /// <summary>Waits for the batch that is running, and lets no other begin.</summary>
    public void Close()
    {
        lock (Gate)
        {
            Closed = true;
        }
    }

    /// <summary>
    /// Frees what large collections that are gone still take; false where that is nothing, or a group is open.
    /// </summary>
    public bool FreeGarbage()
    {
        bool any = false;
        foreach (Database database in InGroup ? [] : Databases.Made)
        {
            bool has = !FreeNested(database, 1);
            any |= has;
            while (has && !FreeNested(database, 1 << 10))
            {
                // All of it: somebody waits for the room.
            }
        }

        while (!InGroup && !StreamSweep.Free(1 << 10))
        {
            any = true;
        }

        return any;
    }

    internal void EndAtomic(bool committed)
    {
        InGroup = false;
        if (!committed)
        {
            Databases.Reread();
            Rollbacks++;
            if (Feed.IsOn)
            {
                Feed.TakeBack();
            }
        }
        else if (Feed.IsOn)
        {
            Feed.AfterCommit();
        }
    }

    private byte[] EventChannel(string kind) => Encoding.ASCII.GetBytes($"__{kind}@{Databases.Selected.Number}__:");

    private readonly struct ExpiredPublisher(KvEngine engine, List<byte[]>? gone) : IRecordVisitor
    {
        public void Visit(in RecordView record)
        {
            engine.Statistics.Expired++;
            gone?.Add(record.Key.ToArray());
            engine.Notify(KeyEvents.Expired, "expired", record.Key);
            engine.Tracking.Touch(record.Key, by: null);
            engine.Waiting.Touch(record.Key);
        }
    }
}

/// <summary>A group of writes; disposing it without <see cref="Commit"/> takes them back.</summary>
internal ref struct AtomicScope(KvEngine engine, AtomicGroup group)
{
    private readonly KvEngine? _engine = engine;
    private AtomicGroup _group = group;
    private bool _committed;

    public void Commit()
    {
        if (_engine is not null)
        {
            if (_engine.Feed.IsOn)
            {
                _engine.Feed.BeforeCommit();
            }

            // What was changed, and its record, are true with the group's one store.
            _group.Commit(); // COMMIT POINT: recorded change
            _committed = true;
        }
    }

    public void Dispose()
    {
        if (_engine is not null)
        {
            _group.Dispose();
            _engine.EndAtomic(_committed);
        }
    }
}
