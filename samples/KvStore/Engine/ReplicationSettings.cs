using System.Globalization;
using KvStore.Replication;
using static KvStore.Engine.SettingForms;

namespace KvStore.Engine;

/// <summary>Settings of what replicas get, and of what they have to do for writes to be taken.</summary>
internal static class ReplicationSettings
{
    private const string LimitsForm =
        "argument must be 'replica', bytes after which one is closed, bytes and seconds after which a slow one is";

    /// <summary>The value that says that there is no master.</summary>
    public const string NoMaster = "no one";

    public static IReadOnlyList<Setting> All { get; } =
    [
        new(
            "repl-backlog-size",
            "bytes of the history of changes that is kept for replicas that were away; for the next one that begins "
                + "(bytes; k, m, g, t)",
            o => Text(o.BacklogSize), SetBacklogSize, atRunTime: true),
        Number(
            "repl-backlog-ttl", "seconds without a replica after which that history is let go; 0 for never",
            new(0, int.MaxValue), o => o.BacklogSeconds, (o, v) => o.BacklogSeconds = v, atRunTime: true),
        Number(
            "repl-timeout", "seconds without a sign of a replica after which it is closed",
            new(1, int.MaxValue), o => o.ReplicationTimeout, (o, v) => o.ReplicationTimeout = (int)v, atRunTime: true),
        Number(
            "repl-ping-replica-period", "how often replicas are sent a sign, in seconds",
            new(1, int.MaxValue), o => o.ReplicaPingPeriod, (o, v) => o.ReplicaPingPeriod = (int)v, atRunTime: true),
        Number(
            "min-replicas-to-write", "writes are refused where fewer replicas follow; 0 for none",
            new(0, int.MaxValue), o => o.LeastReplicas, (o, v) => o.LeastReplicas = (int)v, atRunTime: true),
        Number(
            "min-replicas-max-lag", "seconds within which those must have given a sign; 0: they are not counted",
            new(0, int.MaxValue), o => o.MostReplicaLag, (o, v) => o.MostReplicaLag = (int)v, atRunTime: true),
        new(
            "client-output-buffer-limit",
            "what a replica may leave unread: replica, bytes, and fewer bytes for some seconds; 0 for no limit",
            o => o.ReplicaLimits.ToString(), SetLimits, atRunTime: true),
        new(
            "replicaof", "the master to follow, host and port, or no one; counts once: the store remembers REPLICAOF",
            o => o.MasterNow, SetMaster),
        new(
            "masteruser", "user to be at the master; its default one, where not given",
            o => o.MasterUser, (o, v) => Done(o.MasterUser = v), atRunTime: true),
        new(
            "masterauth", "password that the master asks for; not on the command line",
            o => o.MasterPassword, (o, v) => Done(o.MasterPassword = v), atRunTime: true),
        new(
            "masterauth-file", "file whose first line is that password", o => o.MasterPasswordFile, ReadPassword),
        YesNo(
            "replica-serve-stale-data", "no: a replica without its master refuses commands on keys",
            o => o.ServesStaleData, (o, v) => o.ServesStaleData = v, atRunTime: true),
    ];

    private static string? SetMaster(ServerOptions options, string value)
    {
        string[] words = value.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        bool isNone = words.Length == 2 && MasterAddress.IsNone(words[0], words[1]);
        if (!isNone && value.Length > 0 && !MasterAddress.TryParse(value, out _))
        {
            return "argument must be a host and a port, or no one";
        }

        options.ReplicaOf = isNone ? NoMaster : string.Join(' ', words);
        return null;
    }

    private static string? ReadPassword(ServerOptions options, string path)
    {
        if (PasswordFile.Read(path, out string password) is { } problem)
        {
            return problem;
        }

        (options.MasterPassword, options.MasterPasswordFile) = (password, path);
        return null;
    }

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string? SetBacklogSize(ServerOptions options, string value)
    {
        const long Least = 16 << 10;
        const long Most = 64L << 30;
        if (!ByteSize.TryParse(value, out long bytes))
        {
            return "argument must be a memory value";
        }

        if (bytes is < Least or > Most)
        {
            return $"argument must be between {Least} and {Most} inclusive";
        }

        options.BacklogSize = bytes;
        return null;
    }

    private static string? SetLimits(ServerOptions options, string value)
    {
        string[] words = value.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length != 4 || words[0].ToUpperInvariant() is not ("REPLICA" or "SLAVE")
            || !ByteSize.TryParse(words[1], out long hard) || !ByteSize.TryParse(words[2], out long soft)
            || !int.TryParse(words[3], NumberStyles.None, CultureInfo.InvariantCulture, out int seconds))
        {
            return LimitsForm;
        }

        options.ReplicaLimits = new ReplicationLimits { Hard = hard, Soft = soft, SoftSeconds = seconds };
        return null;
    }
}
