using System.Globalization;
using System.Net;
using GuestMemFs;
using GuestMemFs.Holding;
using KvStore.Protocol;
using KvStore.Tls;
using static KvStore.Engine.SettingForms;

namespace KvStore.Engine;

/// <summary>All settings there are: one line each.</summary>
internal static class Settings
{
    private const long Gigabyte = 1L << 30;

    private static readonly (string Name, CrashLoopAction Value)[] s_actions =
    [
        ("report", CrashLoopAction.Report),
        ("set-aside", CrashLoopAction.SetAside),
        ("read-only", CrashLoopAction.OpenReadOnly),
    ];

    private static readonly (string Name, bool Value)[] s_filesLost = [("report", false), ("read-only", true)];

    private static readonly (string Name, RestoreChoice Value)[] s_restores =
    [
        ("auto", RestoreChoice.Auto),
        ("ask", RestoreChoice.Ask),
        ("never", RestoreChoice.Never),
    ];

    private static readonly (string Name, ClientCertificates Value)[] s_clients =
    [
        ("yes", ClientCertificates.Required),
        ("no", ClientCertificates.Ignored),
        ("optional", ClientCertificates.Optional),
    ];

    public static IReadOnlyList<Setting> All { get; } =
    [
        Number("port", "TCP port; 0 for none", new(0, 65535), o => o.Port, (o, v) => o.Port = (int)v),
        new("bind", "address to listen on", o => o.Bind,
            (o, v) => IPAddress.TryParse(v, out _) || v == "*" ? Done(o.Bind = v)
                : "argument must be an IP address, or * for all"),
        Number("tls-port", "TCP port for TLS; 0 for none", new(0, 65535), o => o.TlsPort, (o, v) => o.TlsPort = (int)v),
        new(
            "tls-cert-file", "PEM: the server's certificate and its chain",
            o => o.TlsCertFile, (o, v) => Done(o.TlsCertFile = v)),
        new(
            "tls-key-file", "PEM: the key of that certificate",
            o => o.TlsKeyFile, (o, v) => Done(o.TlsKeyFile = v)),
        new(
            "tls-ca-cert-file", "PEM: authorities of the clients' certificates",
            o => o.TlsCaCertFile, (o, v) => Done(o.TlsCaCertFile = v)),
        Choice(
            "tls-auth-clients", "whether clients have to show a certificate: yes, no or optional", s_clients,
            o => o.TlsAuthClients, (o, v) => o.TlsAuthClients = v),
        new("unixsocket", "path of a unix socket to listen on as well", o => o.UnixSocket,
            (o, v) => v.Length <= 107 ? Done(o.UnixSocket = v) : "argument must be a path of at most 107 bytes"),
        Number("tcp-backlog", "connections that wait to be accepted", new(1, 65535), o => o.Backlog,
            (o, v) => o.Backlog = (int)v),
        new("arena", "directory of the arena; the best medium there is, where not given", o => o.ArenaDirectory,
            (o, v) => Done(o.ArenaDirectory = v)),
        new("name", "name of the arena", o => o.ArenaName,
            (o, v) => v.Length > 0 && v.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') && v[0] != '.'
                ? Done(o.ArenaName = v) : "argument must be letters, digits, '-', '_' and '.'"),
        new("holder", "who holds the arena's memory in place of a directory: systemd, or the socket of gmfs hold",
            o => o.Holder, (o, v) => v.Length == 0 || v == Holders.Systemd || v.StartsWith('/') ? Done(o.Holder = v)
                : "argument must be systemd, or the path of a socket"),
        new(
            "trust-owner", "user whose arena or holder is used too; only root's and one's own, where not given",
            o => o.TrustOwner, SetTrust),
        new(
            "readers-group", "group whose members may read the store's files, and so every key and value",
            o => o.ReadersGroup, SetReaders),
        new("live-update-socket", "path of the socket that gmfs live-update speaks to it at", o => o.LiveUpdateSocket,
            (o, v) => v.Length <= 107 ? Done(o.LiveUpdateSocket = v) : "argument must be a path of at most 107 bytes"),
        new(
            "hand-over-socket", "path of the socket at which a successor takes store, addresses and clients over",
            o => o.HandOverSocket,
            (o, v) => v.Length <= 103 ? Done(o.HandOverSocket = v) : "argument must be a path of at most 103 bytes"),
        Number(
            "wait-for-writer", "seconds to wait for the process that has the store; 0 for not at all", new(0, 86400),
            o => (long)o.WaitForWriter.TotalSeconds, (o, v) => o.WaitForWriter = TimeSpan.FromSeconds(v)),
        Choice(
            "crash-loop", "what is done about a store whose servers end early: report, set-aside or read-only",
            s_actions, o => o.CrashLoopAction, (o, v) => o.CrashLoopAction = v),
        Number(
            "crash-loop-limit", "after how many early ends in a row that is done",
            new(CrashLoopPolicy.MinimumLimit, 1000),
            o => o.CrashLoopLimit, (o, v) => o.CrashLoopLimit = (int)v),
        new(
            "checksums", "yes: the values of a store that is made carry checksums, which every read checks",
            o => o.Checksums ? "yes" : "no", SetChecksums),
        new("size", "most memory the keys may take (bytes; k, m, g, t); auto: the store's, or what there is", ShowSize,
            SetSize),
        YesNo(
            "lock-memory", "yes: the store's memory is kept out of swap; refused where the process may not (ulimit -l)",
            o => o.LockMemory, (o, v) => o.LockMemory = v),
        new(
            "numa", "NUMA nodes that memory is taken from: bind:0-1, interleave:0-1, preferred:0; none: first touch",
            o => o.Numa?.ToString() ?? "none", SetNuma),
        Choice(
            "files-lost", "what is done while the store's files are removed: report, or read-only: writes are refused",
            s_filesLost, o => o.ReadOnlyWithoutFiles, (o, v) => o.ReadOnlyWithoutFiles = v, atRunTime: true),
        new(
            "backup-file", "file that gets a copy of the store, taken while it serves, at BGSAVE and every so often",
            o => o.BackupFile, (o, v) => Done(o.BackupFile = v.Length > 0 ? Path.GetFullPath(v) : "")),
        new(
            "backup-command", "program and arguments that get each copy on standard input; {slot} is 0, 1, and so on",
            o => o.BackupCommand.FirstOrDefault(""), (o, v) => SetWords(v, words => o.BackupCommand = words)),
        new(
            "restore-command", "program and arguments that give such a copy on standard output; none: no byte",
            o => o.RestoreCommand.FirstOrDefault(""), (o, v) => SetWords(v, words => o.RestoreCommand = words)),
        Number(
            "backup-command-timeout", "seconds that one run of these commands may take", new(1, 86400),
            o => (long)o.BackupCommandTimeout.TotalSeconds,
            (o, v) => o.BackupCommandTimeout = TimeSpan.FromSeconds(v)),
        Number(
            "backup-count", "how many copies are kept: FILE, FILE.1 and so on", new(1, 1000),
            o => o.BackupCount, (o, v) => o.BackupCount = (int)v, atRunTime: true),
        Number(
            "backup-every", "seconds from one copy to the next; 0: only when asked for", new(0, int.MaxValue),
            o => (long)o.BackupEvery.TotalSeconds, (o, v) => o.BackupEvery = TimeSpan.FromSeconds(v), atRunTime: true),
        Number(
            "backup-changes", "changes of keys after which a copy is taken; 0: however many", new(0, long.MaxValue),
            o => o.BackupChanges, (o, v) => o.BackupChanges = v, atRunTime: true),
        Number(
            "backup-max-pause", "milliseconds that writes may wait for a copy", new(1, 60_000),
            o => (long)o.BackupPause.TotalMilliseconds, (o, v) => o.BackupPause = TimeSpan.FromMilliseconds(v),
            atRunTime: true),
        Choice(
            "restore", "where the store is not there and a copy is: auto: made from that; ask: no start; never: empty",
            s_restores, o => o.Restore, (o, v) => o.Restore = v),
        YesNo(
            "erase", "yes: what is deleted or overwritten is zeroed before the reply, from then on",
            o => o.Erase, (o, v) => o.Erase = v),
        new("requirepass", "password that clients must AUTH with", o => o.RequirePass,
            (o, v) => Done(o.RequirePass = v), atRunTime: true),
        new("requirepass-file", "file whose first line is that password, which then stands in no list of processes",
            o => o.RequirePassFile, ReadPassword),
        new(
            "aclfile", "file of users and what they may do, for ACL LOAD and SAVE",
            o => o.AclFile, (o, v) => Done(o.AclFile = v)),
        YesNo(
            "protected-mode", "yes: without a password, clients of other machines are refused",
            o => o.ProtectedMode, (o, v) => o.ProtectedMode = v, atRunTime: true),
        new("unixsocketperm", "permissions of the unix socket, octal, as 700; the umask's where not given", ShowMode,
            SetMode),
        Number("databases", "how many databases clients may select", new(1, Databases.Most), o => o.Databases,
            (o, v) => o.Databases = (int)v),
        Choice(
            "maxmemory-policy", "which keys go where there is no room, in Redis's words", EvictionPolicies.Names,
            o => o.Policy, (o, v) => o.Policy = v, atRunTime: true),
        Number(
            "maxmemory-samples", "how many keys are looked at for one that goes", new(1, 64),
            o => o.EvictionSamples, (o, v) => o.EvictionSamples = (int)v, atRunTime: true),
        Number(
            "lfu-log-factor", "how much more often a key must be used with each use that counts", new(0, int.MaxValue),
            o => o.LfuLogFactor, (o, v) => o.LfuLogFactor = (int)v, atRunTime: true),
        Number(
            "lfu-decay-time", "minutes after which a key's count falls by one; 0 for never", new(0, int.MaxValue),
            o => o.LfuDecayMinutes, (o, v) => o.LfuDecayMinutes = (int)v, atRunTime: true),
        Number("maxclients", "most connections at once", new(1, 1_000_000), o => o.MaxClients,
            (o, v) => o.MaxClients = (int)v, atRunTime: true),
        Number("timeout", "seconds after which an idle client is closed; 0 for never", new(0, int.MaxValue),
            o => o.Timeout, (o, v) => o.Timeout = (int)v, atRunTime: true),
        Bytes("proto-max-bulk-len", "longest single argument", new(1L << 20, 512L << 20), o => o.Protocol.MaxBulkLength,
            (o, v) => o.Protocol.MaxBulkLength = v),
        Number("proto-max-multibulk-len", "most arguments of a command", new(16, int.MaxValue),
            o => o.Protocol.MaxMultibulkLength, (o, v) => o.Protocol.MaxMultibulkLength = (int)v, atRunTime: true),
        Bytes("proto-inline-max-size", "longest line of an inline command", new(1024, 16L << 20),
            o => o.Protocol.MaxInlineLength, (o, v) => o.Protocol.MaxInlineLength = (int)v),
        Bytes("client-query-buffer-limit", "largest unfinished request of a client", new(1L << 20, Gigabyte),
            o => o.QueryBufferLimit, (o, v) => o.QueryBufferLimit = v),
        Bytes("client-output-soft-limit", "unsent replies after which a client's next commands wait",
            new(16 * 1024, 16 * Gigabyte), o => o.OutputSoftLimit, (o, v) => o.OutputSoftLimit = v),
        Bytes("client-output-hard-limit", "unsent replies after which a client is closed (for clients that connect " +
            "afterwards)", new(1L << 20, 64 * Gigabyte), o => o.OutputHardLimit, (o, v) => o.OutputHardLimit = v),
        Bytes(
            "client-output-total-limit", "unsent replies of all clients, after which the one with the most is closed",
            new(16L << 20, 1L << 40), o => o.OutputTotalLimit, (o, v) => o.OutputTotalLimit = v),
        Bytes(
            "client-input-total-limit",
            "unfinished requests and transactions of all clients, after which the one with the most is closed",
            new(16L << 20, 1L << 40), o => o.InputTotalLimit, (o, v) => o.InputTotalLimit = v),
        Bytes(
            "client-output-pubsub-limit", "unread messages and replies after which a subscriber is closed",
            new(64 * 1024, 16 * Gigabyte), o => o.PubSubLimit, (o, v) => o.PubSubLimit = v),
        Number(
            "tracking-table-max-keys", "most keys remembered for clients that cache what they read; 0 for no limit",
            new(0, int.MaxValue), o => o.TrackedKeys, (o, v) => o.TrackedKeys = v, atRunTime: true),
        Number(
            "slowlog-log-slower-than", "microseconds after which a command is in the slow log; -1 for never",
            new(-1, long.MaxValue), o => o.SlowerThan, (o, v) => o.SlowerThan = v, atRunTime: true),
        Number(
            "slowlog-max-len", "most entries of the slow log",
            new(0, 1 << 20), o => o.SlowLogLength, (o, v) => o.SlowLogLength = (int)v, atRunTime: true),
        Number(
            "latency-monitor-threshold", "milliseconds after which LATENCY knows of a command; 0 for never",
            new(0, long.MaxValue), o => o.LatencyThreshold, (o, v) => o.LatencyThreshold = v, atRunTime: true),
        YesNo(
            "latency-tracking", "yes: every command is measured, for LATENCY HISTOGRAM and INFO latencystats",
            o => o.TracksLatency, (o, v) => o.TracksLatency = v, atRunTime: true),
        new(
            "latency-tracking-info-percentiles", "of how many of a hundred calls INFO latencystats tells the time",
            o => string.Join(' ', o.LatencyPercentiles.Select(it => it.ToString(CultureInfo.InvariantCulture))),
            SetPercentiles, atRunTime: true),
        new(
            "enable-debug-command", "who may DEBUG: no, yes, or local",
            o => o.DebugCommand, (o, v) => v is "no" or "yes" or "local" ? Done(o.DebugCommand = v)
                : "argument must be no, yes or local"),
        new(
            "notify-keyspace-events", "which changes of keys are published, in Redis's letters; without n",
            o => KeyEventLetters.Show(o.KeyEvents), SetKeyEvents, atRunTime: true),
        Number(
            "list-max-listpack-size", "most elements of a list that is kept in one piece; -1 to -5: 4 to 64 KiB",
            new(-5, 1 << 20), o => o.ListPacked, (o, v) => o.ListPacked = (int)v, atRunTime: true),
        Number(
            "list-max-ziplist-size", "the same",
            new(-5, 1 << 20), o => o.ListPacked, (o, v) => o.ListPacked = (int)v, atRunTime: true),
        Packed(
            "zset-max-listpack-entries", "most members of a sorted set that is kept in one piece",
            o => o.SortedSetPackedEntries, (o, v) => o.SortedSetPackedEntries = v),
        Packed(
            "zset-max-ziplist-entries", "the same",
            o => o.SortedSetPackedEntries, (o, v) => o.SortedSetPackedEntries = v),
        Packed(
            "zset-max-listpack-value", "longest member of such a sorted set",
            o => o.SortedSetPackedValue, (o, v) => o.SortedSetPackedValue = v),
        Packed(
            "zset-max-ziplist-value", "the same",
            o => o.SortedSetPackedValue, (o, v) => o.SortedSetPackedValue = v),
        Number(
            "hll-sparse-max-bytes", "most bytes of a HyperLogLog that is kept as runs", new(0, int.MaxValue),
            o => o.SparseHyperLogLog, (o, v) => o.SparseHyperLogLog = v, atRunTime: true),
        Packed(
            "hash-max-listpack-entries", "most fields of a hash that is kept in one piece",
            o => o.HashPackedEntries, (o, v) => o.HashPackedEntries = v),
        Packed(
            "hash-max-ziplist-entries", "the same",
            o => o.HashPackedEntries, (o, v) => o.HashPackedEntries = v),
        Packed(
            "hash-max-listpack-value", "longest field or value of such a hash",
            o => o.HashPackedValue, (o, v) => o.HashPackedValue = v),
        Packed(
            "hash-max-ziplist-value", "the same",
            o => o.HashPackedValue, (o, v) => o.HashPackedValue = v),
        Packed(
            "set-max-listpack-entries", "most members of a set that is kept in one piece",
            o => o.SetPackedEntries, (o, v) => o.SetPackedEntries = v),
        Packed(
            "set-max-listpack-value", "longest member of such a set",
            o => o.SetPackedValue, (o, v) => o.SetPackedValue = v),
        Packed(
            "set-max-intset-entries", "most members of a set of integers that is kept in one piece",
            o => o.SetPackedIntegers, (o, v) => o.SetPackedIntegers = v),
        Number(
            "stream-node-max-entries", "in how many entries XADD and XTRIM trim with ~; 0: in hundreds",
            new(0, 1 << 20), o => o.StreamStep, (o, v) => o.StreamStep = v, atRunTime: true),
        Number(
            "busy-reply-threshold", "milliseconds after which others hear that a script runs, and may SCRIPT KILL it",
            new(0, int.MaxValue), o => (long)o.ScriptPatience.TotalMilliseconds,
            (o, v) => o.ScriptPatience = TimeSpan.FromMilliseconds(v), atRunTime: true),
        Number(
            "lua-time-limit", "the same", new(0, int.MaxValue), o => (long)o.ScriptPatience.TotalMilliseconds,
            (o, v) => o.ScriptPatience = TimeSpan.FromMilliseconds(v), atRunTime: true),
        Number(
            "script-time-limit", "milliseconds after which a script is stopped and taken back", new(1, 3_600_000),
            o => (long)o.ScriptTime.TotalMilliseconds, (o, v) => o.ScriptTime = TimeSpan.FromMilliseconds(v),
            atRunTime: true),
        Bytes(
            "script-memory-limit", "most memory of all scripts and their values", new(4L << 20, 16 * Gigabyte),
            o => o.ScriptMemory, (o, v) => o.ScriptMemory = v),
        Bytes("client-input-buffer", "size to which an input buffer grows for small requests (for clients that " +
            "connect afterwards)", new(512, 1L << 20), o => o.InputBuffer, (o, v) => o.InputBuffer = (int)v),
        .. AclSettings.All,
        .. ReplicationSettings.All,
    ];

    /// <summary>All of them, and those without effect.</summary>
    public static IEnumerable<Setting> Shown { get; } = [.. All, .. UnusedSettings.All];

    public static Setting? Find(string name) =>
        Shown.FirstOrDefault(s => s.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    private static string? SetChecksums(ServerOptions options, string value)
    {
        options.Checksums = value == "yes";
        return value is "yes" or "no" ? null : "argument must be 'yes' or 'no'";
    }

    private static string? ReadPassword(ServerOptions options, string path)
    {
        if (path.Length == 0)
        {
            return null;
        }

        string? problem = PasswordFile.Read(path, out string password);
        (options.RequirePass, options.RequirePassFile) = (password, path);
        return problem;
    }

    private static string? SetWords(string value, Action<string[]> set)
    {
        if (!InlineSplitter.TrySplit(value, out string[] words))
        {
            return "argument has quotes that do not balance";
        }

        set(words);
        return null;
    }

    private static string ShowSize(ServerOptions options) =>
        options.Size == 0 ? "auto" : options.Size.ToString(CultureInfo.InvariantCulture);

    private static string? SetSize(ServerOptions options, string value)
    {
        if (value.Equals("auto", StringComparison.OrdinalIgnoreCase))
        {
            options.Size = 0;
            return null;
        }

        return ByteSize.TryParse(value, out long size)
            ? new Bounds(2L << 20, 1L << 47).Problem(size) ?? Apply(options, size, (o, v) => o.Size = v)
            : "argument must be a memory value";
    }

    private static string ShowMode(ServerOptions options) =>
        options.UnixSocketMode == 0 ? "0" : Convert.ToString(options.UnixSocketMode, 8);

    private static string? SetMode(ServerOptions options, string value)
    {
        if (value.Length is 0 or > 4 || !value.All(c => c is >= '0' and <= '7') || Convert.ToInt32(value, 8) > 511)
        {
            return "argument must be octal permissions between 0 and 777";
        }

        options.UnixSocketMode = Convert.ToInt32(value, 8);
        return null;
    }

    private static string? SetKeyEvents(ServerOptions options, string value)
    {
        if (!KeyEventLetters.TryParse(value, out KeyEvents events))
        {
            return "Invalid event class character. Use 'Ag$lshzxeKEtmd'.";
        }

        options.KeyEvents = events;
        return null;
    }

    private static string? SetPercentiles(ServerOptions options, string value)
    {
        string[] words = value.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        double[] percentiles = [.. words.Select(word =>
            double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out double percent)
                ? percent : double.NaN)];
        if (!Array.TrueForAll(percentiles, it => it is >= 0 and <= 100))
        {
            return "argument must be numbers between 0 and 100";
        }

        options.LatencyPercentiles = percentiles;
        return null;
    }

    private static string? SetTrust(ServerOptions options, string value) =>
        IsAccount(() => new PathTrust(value.Length > 0 ? [value] : [])) ? Done(options.TrustOwner = value)
            : "argument must be a user's name or number";

    private static string? SetNuma(ServerOptions options, string value)
    {
        NumaPolicy? policy = null;
        if (value.Length > 0 && value != "none" && !NumaPolicy.TryParse(value, out policy))
        {
            return "argument must be bind:, interleave: or preferred: and nodes as 0-1,3, or none";
        }

        options.Numa = policy;
        return null;
    }

    private static string? SetReaders(ServerOptions options, string value) =>
        IsAccount(() => value.Length > 0 ? ArenaSharing.ReadableBy(value) : null) ? Done(options.ReadersGroup = value)
            : "argument must be a group's name or number";

    private static bool IsAccount(Func<object?> find)
    {
        try
        {
            _ = find();
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    private static Setting Packed(
        string name, string help, Func<ServerOptions, int> get, Action<ServerOptions, int> set) =>
        Number(name, help, new(0, 1 << 20), o => get(o), (o, v) => set(o, (int)v), atRunTime: true);
}
