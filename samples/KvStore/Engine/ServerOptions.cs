using GuestMemFs;
using KvStore.Protocol;
using KvStore.Replication;
using KvStore.Tls;

namespace KvStore.Engine;

/// <summary>How the server runs. Names, defaults and limits for users are in <see cref="Settings"/>.</summary>
internal sealed class ServerOptions
{
    /// <summary>0: no TCP.</summary>
    public int Port { get; set; } = 6380;

    /// <summary>0: no TLS.</summary>
    public int TlsPort { get; set; }

    /// <summary>PEM: what the server shows.</summary>
    public string TlsCertFile { get; set; } = "";

    /// <summary>PEM: its key.</summary>
    public string TlsKeyFile { get; set; } = "";

    /// <summary>PEM: who has signed the clients' certificates.</summary>
    public string TlsCaCertFile { get; set; } = "";

    /// <summary>Whether clients have to show one.</summary>
    public ClientCertificates TlsAuthClients { get; set; }

    public string Bind { get; set; } = "127.0.0.1";

    /// <summary>Empty: no unix socket.</summary>
    public string UnixSocket { get; set; } = "";

    public int Backlog { get; set; } = 511;

    /// <summary>Empty: the best medium that is really there.</summary>
    public string ArenaDirectory { get; set; } = "";

    public string ArenaName { get; set; } = "kvstore";

    /// <summary>
    /// Who holds the arena's memory: <c>systemd</c>, or the socket of gmfs hold. Empty: it lies in a directory.
    /// </summary>
    public string Holder { get; set; } = "";

    /// <summary>A user, by name or number, whose arena or holder is used too. Empty: root's and our own.</summary>
    public string TrustOwner { get; set; } = "";

    /// <summary>A group that may read the store's files; empty for none.</summary>
    public string ReadersGroup { get; set; } = "";

    /// <summary>The same, as the arena takes it.</summary>
    public ArenaSharing Sharing =>
        ReadersGroup.Length > 0 ? ArenaSharing.ReadableBy(ReadersGroup) : ArenaSharing.None;

    /// <summary>Whose arena or holder is used.</summary>
    public PathTrust Trust => TrustOwner.Length > 0 ? new PathTrust(TrustOwner) : PathTrust.Own;

    /// <summary>Empty: no live update asks it.</summary>
    public string LiveUpdateSocket { get; set; } = "";

    /// <summary>Empty: no successor takes the clients over.</summary>
    public string HandOverSocket { get; set; } = "";

    /// <summary>For how long the process that has the store, and the addresses, is waited for.</summary>
    public TimeSpan WaitForWriter { get; set; }

    /// <summary>What is done about a store whose servers end early, one after the other.</summary>
    public CrashLoopAction CrashLoopAction { get; set; }

    /// <summary>After how many early ends.</summary>
    public int CrashLoopLimit { get; set; } = 5;

    /// <summary>True where the values of a store that is made carry checksums.</summary>
    public bool Checksums { get; set; }

    /// <summary>Most bytes that the keys may take; 0 until the store is open where that is to be found.</summary>
    public long Size { get; set; }

    /// <summary>True where the store's memory is kept out of swap.</summary>
    public bool LockMemory { get; set; }

    /// <summary>From which NUMA nodes the store's memory is taken; null for where it is touched first.</summary>
    public NumaPolicy? Numa { get; set; }

    /// <summary>True where writes are refused while the store's files are gone.</summary>
    public bool ReadOnlyWithoutFiles { get; set; }

    /// <summary>True where what is deleted is zeroed before the reply. A store that erases keeps on doing so.</summary>
    public bool Erase { get; set; }

    /// <summary>The newest copy of the store. Empty: none is taken.</summary>
    public string BackupFile { get; set; } = "";

    /// <summary>The command that gets each copy as well, in words. Empty: there is none.</summary>
    public IReadOnlyList<string> BackupCommand { get; set; } = [];

    /// <summary>The command that gives it back.</summary>
    public IReadOnlyList<string> RestoreCommand { get; set; } = [];

    /// <summary>How long a run of them may take.</summary>
    public TimeSpan BackupCommandTimeout { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Both, where there are some; it remembers which copy is the newest whole one.</summary>
    public BackupCommand? BackupCommands { get; set; }

    /// <summary>Where copies are, by what is set now.</summary>
    public RegionBackups Backups => new(BackupFile, BackupCount) { Command = BackupCommands };

    /// <summary>How many copies are kept.</summary>
    public int BackupCount { get; set; } = 2;

    /// <summary>How often one is taken; zero: when it is asked for.</summary>
    public TimeSpan BackupEvery { get; set; }

    /// <summary>After how many changes one is taken; zero: however many.</summary>
    public long BackupChanges { get; set; }

    /// <summary>How long writes may wait for one.</summary>
    public TimeSpan BackupPause { get; set; } = TimeSpan.FromMilliseconds(20);

    /// <summary>What is done where the store is not there and a copy is.</summary>
    public RestoreChoice Restore { get; set; }

    /// <summary>Empty: no password.</summary>
    public string RequirePass { get; set; } = "";

    /// <summary>Where the password was read from; empty: from nowhere.</summary>
    public string RequirePassFile { get; set; } = "";

    /// <summary>Where users are loaded from and saved to; empty: nowhere.</summary>
    public string AclFile { get; set; } = "";

    /// <summary>Lines "name rules" of users, out of the configuration file.</summary>
    public List<string> UserLines { get; } = [];

    /// <summary>True where clients of other machines are refused as long as there is no password.</summary>
    public bool ProtectedMode { get; set; } = true;

    /// <summary>The permissions of the unix socket's file; 0: as the umask has them.</summary>
    public int UnixSocketMode { get; set; }

    /// <summary>How many databases clients may select.</summary>
    public int Databases { get; set; } = Engine.Databases.Most;

    /// <summary>What goes where there is no room.</summary>
    public EvictionPolicy Policy { get; set; }

    /// <summary>How many keys are looked at for one that goes.</summary>
    public int EvictionSamples { get; set; } = 5;

    /// <summary>How much more often a key must be used with each use that counts.</summary>
    public int LfuLogFactor { get; set; } = 10;

    /// <summary>After how many minutes a count falls by one; 0: never.</summary>
    public int LfuDecayMinutes { get; set; } = 1;

    public int MaxClients { get; set; } = 10_000;

    /// <summary>Seconds after which an idle client is closed; 0: never.</summary>
    public int Timeout { get; set; }

    /// <summary>Unsent bytes of replies after which no more commands of a batch run until they are sent.</summary>
    public long OutputSoftLimit { get; set; } = 1L << 20;

    /// <summary>Unsent bytes of replies after which a client is closed.</summary>
    public long OutputHardLimit { get; set; } = 2L << 30;

    /// <summary>Unsent bytes of replies of all clients, after which the one with the most is closed.</summary>
    public long OutputTotalLimit { get; set; } = 1L << 30;

    /// <summary>Bytes of unfinished requests and transactions of all, after which the client with the most is
    /// closed.</summary>
    public long InputTotalLimit { get; set; } = 2L << 30;

    /// <summary>Bytes of one unfinished request after which a client is closed.</summary>
    public long QueryBufferLimit { get; set; } = 1L << 30;

    /// <summary>To what size a client's input buffer grows for many small requests.</summary>
    public int InputBuffer { get; set; } = 16 * 1024;

    /// <summary>Unread messages after which a subscriber is closed.</summary>
    public long PubSubLimit { get; set; } = 32L << 20;

    /// <summary>Most keys that are remembered for clients with caches of their own; 0 for as many as there is room
    /// for.</summary>
    public long TrackedKeys { get; set; } = 1_000_000;

    /// <summary>Microseconds after which a command is in the slow log; negative: none is.</summary>
    public long SlowerThan { get; set; } = 10_000;

    /// <summary>Most entries of the log of refusals.</summary>
    public int AclLogLength { get; set; } = 128;

    /// <summary>True where a user who is made may use all channels.</summary>
    public bool AllChannels { get; set; }

    /// <summary>Most entries of the slow log.</summary>
    public int SlowLogLength { get; set; } = 128;

    /// <summary>Milliseconds after which LATENCY knows of a command; 0: it knows of none.</summary>
    public long LatencyThreshold { get; set; }

    /// <summary>Who may DEBUG: no, yes or local.</summary>
    public string DebugCommand { get; set; } = "no";

    /// <summary>True where commands that take a few microseconds are timed as well.</summary>
    public bool TimesBriefCommands => LatencyThreshold > 0 || (ulong)SlowerThan < 1000;

    /// <summary>True where LATENCY HISTOGRAM and INFO latencystats know how long commands take.</summary>
    public bool TracksLatency { get; set; } = true;

    /// <summary>Of how many of a hundred calls INFO latencystats tells the time.</summary>
    public IReadOnlyList<double> LatencyPercentiles { get; set; } = [50, 99, 99.9];

    /// <summary>Which changes of keys are published.</summary>
    public KeyEvents KeyEvents { get; set; }

    /// <summary>Most elements of a list that is kept within its key's record, or, negative, what its bytes may
    /// be.</summary>
    public int ListPacked { get; set; } = -2;

    /// <summary>The same as a number of elements.</summary>
    public int ListPackedEntries => ListPacked > 0 ? ListPacked : int.MaxValue;

    /// <summary>The same as bytes: 4 KiB for -1, twice as many for -2 and so on.</summary>
    public int ListPackedBytes => ListPacked > 0 ? 1 << 16 : 2048 << Math.Clamp(-ListPacked, 1, 5);

    /// <summary>Bytes of a HyperLogLog from which on it has six bits for each register.</summary>
    public long SparseHyperLogLog { get; set; } = 3000;

    /// <summary>Most members of a sorted set that is kept within its key's record.</summary>
    public int SortedSetPackedEntries { get; set; } = 128;

    /// <summary>Longest member of such a sorted set.</summary>
    public int SortedSetPackedValue { get; set; } = 64;

    /// <summary>Most fields of a hash that is kept within its key's record.</summary>
    public int HashPackedEntries { get; set; } = 512;

    /// <summary>Longest field or value in such a hash.</summary>
    public int HashPackedValue { get; set; } = 64;

    /// <summary>Most members of a set that is kept within its key's record.</summary>
    public int SetPackedEntries { get; set; } = 128;

    /// <summary>Longest member of such a set.</summary>
    public int SetPackedValue { get; set; } = 64;

    /// <summary>Most members of a set of integers that is kept within its key's record.</summary>
    public int SetPackedIntegers { get; set; } = 512;

    /// <summary>The master, as "host port", or "no one"; empty: what the store remembers.</summary>
    public string ReplicaOf { get; set; } = "";

    /// <summary>The master now, as CONFIG shows it; empty: there is none.</summary>
    public string MasterNow { get; set; } = "";

    /// <summary>What the master asks for; empty: nothing.</summary>
    public string MasterPassword { get; set; } = "";

    /// <summary>Where it was read from; empty: from nowhere.</summary>
    public string MasterPasswordFile { get; set; } = "";

    /// <summary>The user to be at the master; empty: its default one.</summary>
    public string MasterUser { get; set; } = "";

    /// <summary>False where a replica without its master refuses commands on keys.</summary>
    public bool ServesStaleData { get; set; } = true;

    /// <summary>Bytes of the history of changes that is kept for replicas which were away.</summary>
    public long BacklogSize { get; set; } = 1L << 20;

    /// <summary>Seconds without a replica after which the history is let go; 0: never.</summary>
    public long BacklogSeconds { get; set; } = 3600;

    /// <summary>Seconds without a sign of a replica after which it is closed.</summary>
    public int ReplicationTimeout { get; set; } = 60;

    /// <summary>How often replicas are sent a sign, in seconds.</summary>
    public int ReplicaPingPeriod { get; set; } = 10;

    /// <summary>So many replicas have to follow for a write to be taken; 0: none.</summary>
    public int LeastReplicas { get; set; }

    /// <summary>Within so many seconds they must have given a sign; 0: <see cref="LeastReplicas"/> is not looked
    /// at.</summary>
    public int MostReplicaLag { get; set; } = 10;

    /// <summary>What replicas may leave unread.</summary>
    public ReplicationLimits ReplicaLimits { get; set; } = new();

    /// <summary>How long a script runs until others are told so, and may stop it.</summary>
    public TimeSpan ScriptPatience { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a script may run.</summary>
    public TimeSpan ScriptTime { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>What all scripts and their values may take.</summary>
    public long ScriptMemory { get; set; } = 64L << 20;

    public ProtocolLimits Protocol { get; private set; } = new();

    /// <summary>Names of the settings that CONFIG SET has changed.</summary>
    public HashSet<string> SetAtRunTime { get; } = new(StringComparer.Ordinal);

    /// <summary>Values of <see cref="UnusedSettings"/> that were set.</summary>
    public Dictionary<string, string> Unused { get; private set; } = [];

    /// <summary>In how many entries a stream is trimmed with <c>~</c>; 0: in hundreds.</summary>
    public long StreamStep { get; set; } = 100;

    public ServerOptions Clone()
    {
        var clone = (ServerOptions)MemberwiseClone();
        clone.Protocol = new ProtocolLimits
        {
            MaxBulkLength = Protocol.MaxBulkLength,
            MaxMultibulkLength = Protocol.MaxMultibulkLength,
            MaxInlineLength = Protocol.MaxInlineLength,
        };
        clone.Unused = new(Unused);
        return clone;
    }
}
