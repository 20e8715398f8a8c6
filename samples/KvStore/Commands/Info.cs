using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using KvStore.Access;
using KvStore.Engine;
using KvStore.Replication;
using KvStore.Session;
using static KvStore.Commands.CommandFlags;
using static KvStore.Commands.CommandInfo;

namespace KvStore.Commands;

/// <summary>INFO: sections of <c>name:value</c> lines, named as Redis names them where the thing exists.</summary>
internal static class Info
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("server",
    [
        new("info", -1, NoFlags, KeySpec.None, Reply)
        {
            Also = AclCategories.Dangerous,
            Since = "1.0.0",
            Summary = "Get information and statistics about the server",
        },
    ]);

    /// <summary>The version of Redis whose replies these are: clients choose commands by it.</summary>
    public const string CompatibleVersion = "7.0.15";

    /// <summary>The same as one number, for scripts.</summary>
    public const int CompatibleVersionNumber = 0x07000F;

    private static readonly Section[] s_sections =
    [
        new("Server", (to, in call) => Server(to, call.Engine)),
        new("Clients", (to, in call) => Clients(to, call.Engine)),
        new("Memory", (to, in call) => Memory(to, call.Engine)),
        new("Persistence", (to, in call) => Persistence(to, call.Engine)),
        new("Stats", (to, in call) => Stats(to, call.Engine)),
        new("Replication", (to, in call) => Replication(to, call.Engine)),
        new("CPU", (to, in _) => Processor(to)),
        new("Commandstats", Counts, IsDefault: false),
        new("Errorstats", (to, in call) => ErrorCounts(to, call.Engine)),
        new("Latencystats", Times, IsDefault: false),
        new("Cluster", (to, in _) => Line(to, "cluster_enabled", 0)),
        new("Keyspace", (to, in call) => Keyspace(to, call.Engine)),
    ];

    private delegate void SectionWriter(StringBuilder to, in Call call);

    public static void Reply(in Call call)
    {
        var text = new StringBuilder();
        foreach (Section section in s_sections)
        {
            if (!IsWanted(call, section))
            {
                continue;
            }

            if (text.Length > 0)
            {
                text.Append("\r\n");
            }

            text.Append("# ").Append(section.Name).Append("\r\n");
            section.Write(text, call);
        }

        call.Reply.Verbatim(text.ToString());
    }

    /// <summary>Without an argument those that are there by default; else those that one argument asks for.</summary>
    private static bool IsWanted(in Call call, Section section)
    {
        bool wanted = call.Args.Count == 1 && section.IsDefault;
        for (int i = 1; i < call.Args.Count && !wanted; i++)
        {
            wanted = call.Args.Is(i, "all"u8) || call.Args.Is(i, "everything"u8)
                || (section.IsDefault && call.Args.Is(i, "default"u8))
                || call.Args.Is(i, Encoding.ASCII.GetBytes(section.Name));
        }

        return wanted;
    }

    private static void Server(StringBuilder to, KvEngine engine)
    {
        long up = (long)engine.Server.Uptime.TotalSeconds;
        Line(to, "redis_version", CompatibleVersion);
        Line(to, "kvstore_version", typeof(Info).Assembly.GetName().Version!.ToString(3));
        Line(to, "redis_mode", "standalone");
        Line(to, "os", RuntimeInformation.OSDescription);
        Line(to, "arch_bits", 64);
        Line(to, "runtime", RuntimeInformation.FrameworkDescription);
        Line(to, "process_id", Environment.ProcessId);
        Line(to, "tcp_port", engine.Options.Port);
        Line(to, "server_time_usec", (WallClock.Now - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond);
        Line(to, "uptime_in_seconds", up);
        Line(to, "uptime_in_days", up / 86400);
        Line(to, "hz", 10);
        Line(to, "executable", Environment.ProcessPath ?? "");
    }

    private static void Clients(StringBuilder to, KvEngine engine)
    {
        Line(to, "connected_clients", engine.Server.ConnectionCount);
        Line(to, "maxclients", engine.Options.MaxClients);
        Line(to, "blocked_clients", engine.Waiting.Count + engine.Pause.Count);
        Line(to, "tracking_clients", engine.Tracking.ClientCount);
    }

    private static void Memory(StringBuilder to, KvEngine engine)
    {
        using var self = Process.GetCurrentProcess();
        Line(to, "used_memory", engine.Databases.RecordBytes);
        Line(to, "used_memory_dataset", engine.Databases.RecordBytes);
        Line(to, "used_memory_rss", self.WorkingSet64);
        Line(to, "used_memory_managed", GC.GetTotalMemory(false));
        Line(to, "maxmemory", engine.Options.Size);
        Line(to, "maxmemory_policy", engine.Options.Policy.Name());
        Line(to, "mem_allocator", "PersistentHeap");
        Line(to, "number_of_cached_scripts", engine.KeptScripts);
        foreach ((string name, string value) in engine.Keyspace.MemoryFacts())
        {
            Line(to, name, value);
        }
    }

    private static void Persistence(StringBuilder to, KvEngine engine)
    {
        Line(to, "loading", engine.Following.IsLoading ? 1 : 0);
        Backup backup = engine.Keyspace.Backup;
        Line(to, "rdb_changes_since_last_save", backup.IsWanted ? backup.Changes : 0);
        Line(to, "rdb_bgsave_in_progress", backup.Running is null ? 0 : 1);
        Line(to, "rdb_last_save_time", (backup.IsWanted ? backup.LastTaken : WallClock.Now).ToUnixTimeSeconds());
        Line(to, "rdb_last_bgsave_status", backup.Failure is null ? "ok" : "err");
        Line(to, "rdb_last_bgsave_time_sec", backup.Last is null ? -1 : (long)backup.LastDuration.TotalSeconds);
        Line(to, "rdb_current_bgsave_time_sec", (long)(backup.Running?.TotalSeconds ?? -1));
        if (backup.Last is { } last)
        {
            Line(to, "backup_last_bytes", last.FileLength);
            Line(to, "backup_last_pause_usec", (long)last.Pause.TotalMicroseconds);
        }

        if (backup.Failure is { } failure)
        {
            Line(to, "backup_last_failure", failure);
        }

        Line(to, "aof_enabled", 0);
        foreach ((string name, string value) in engine.Keyspace.AttachFacts())
        {
            Line(to, name, value);
        }
    }

    private static void Stats(StringBuilder to, KvEngine engine)
    {
        Statistics s = engine.Statistics;
        Line(to, "total_connections_received", s.Connections);
        Line(to, "total_commands_processed", s.Commands);
        Line(to, "instantaneous_ops_per_sec", engine.Server.CommandsPerSecond);
        Line(to, "total_net_input_bytes", s.BytesIn);
        Line(to, "total_net_output_bytes", s.BytesOut);
        Line(to, "rejected_connections", s.Rejected);
        Line(to, "client_query_buffer_limit_disconnections", s.InputOverflowed);
        Line(to, "client_output_buffer_limit_disconnections", s.Overflowed);
        Line(to, "sync_full", engine.Feed.FullCount);
        Line(to, "sync_partial_ok", engine.Feed.PartialCount);
        Line(to, "sync_partial_err", engine.Feed.RefusedCount);
        Line(to, "expired_keys", s.Expired);
        Line(to, "expired_subkeys", s.ExpiredFields);
        Line(to, "evicted_keys", s.Evicted);
        Line(to, "keyspace_hits", s.Hits);
        Line(to, "keyspace_misses", s.Misses);
        Line(to, "pubsub_channels", engine.PubSub.Channels(Session.ChannelKind.Channel).Count);
        Line(to, "pubsub_patterns", engine.PubSub.PatternCount);
        Line(to, "pubsubshard_channels", engine.PubSub.Channels(Session.ChannelKind.Shard).Count);
        Line(to, "tracking_total_keys", engine.Tracking.KeyCount);
        Line(to, "tracking_total_items", engine.Tracking.ItemCount);
        Line(to, "tracking_total_prefixes", engine.Tracking.PrefixCount);
        Line(to, "total_error_replies", s.Errors);
        Line(to, "total_out_of_memory_replies", s.OutOfMemory);
        Line(to, "total_writes_processed", s.Changes);
        Line(to, "unexpected_error_replies", engine.Following.Refused);
    }

    private static void Replication(StringBuilder to, KvEngine engine)
    {
        ChangeFeed feed = engine.Feed;
        Line(to, "role", engine.Follows ? "slave" : "master");
        Master(to, engine);
        Line(to, "connected_slaves", feed.Replicas.Count);
        if (engine.Options.LeastReplicas > 0 && engine.Options.MostReplicaLag > 0)
        {
            Line(to, "min_slaves_good_slaves", feed.CountGood());
        }

        int number = 0;
        foreach (ReplicaLink replica in feed.Replicas)
        {
            string state = replica.State == ReplicaState.Online ? "online" : "send_bulk";
            long lag = replica.State == ReplicaState.Online
                ? (Environment.TickCount64 - replica.AcknowledgedAt) / 1000 : 0;
            Line(to, $"slave{number++}", $"ip={Replicas.AddressOf(replica)},port={replica.Port},state={state},"
                + $"offset={replica.Acknowledged},lag={lag}");
        }

        Line(to, "master_failover_state", "no-failover");
        Line(to, "master_replid", feed.Backlog?.Id ?? default);
        bool hasSecond = feed.IsOn && feed.Backlog!.SecondId != default;
        Line(to, "master_replid2", hasSecond ? feed.Backlog!.SecondId : default);
        Line(to, "master_repl_offset", feed.Offset);
        Line(to, "second_repl_offset", hasSecond ? feed.Backlog!.SecondEnd + 1 : -1);
        Line(to, "repl_backlog_active", feed.IsOn ? 1 : 0);
        Line(to, "repl_backlog_size", feed.Backlog?.Capacity ?? engine.Options.BacklogSize);
        Line(to, "repl_backlog_first_byte_offset", feed.IsOn ? feed.Backlog!.First + 1 : 0);
        Line(to, "repl_backlog_histlen", feed.IsOn ? feed.Offset - feed.Backlog!.First : 0);
    }

    private static void Master(StringBuilder to, KvEngine engine)
    {
        Following following = engine.Following;
        if (following.Address is not { } master)
        {
            return;
        }

        bool isUp = following.State == MasterLinkState.Connected;
        bool copies = following.State == MasterLinkState.Sync;
        long silent = (Environment.TickCount64 - following.HeardAt) / 1000;
        Line(to, "master_host", master.Host);
        Line(to, "master_port", master.Port);
        Line(to, "master_link_status", isUp ? "up" : "down");
        Line(to, "master_last_io_seconds_ago", isUp ? silent : -1);
        Line(to, "master_sync_in_progress", copies ? 1 : 0);
        Line(to, "slave_read_repl_offset", engine.Feed.Offset);
        Line(to, "slave_repl_offset", engine.Feed.Offset);
        if (copies)
        {
            long left = following.CopyLength - following.CopyRead;
            Line(to, "master_sync_total_bytes", following.CopyLength);
            Line(to, "master_sync_read_bytes", following.CopyRead);
            Line(to, "master_sync_left_bytes", following.CopyLength > 0 ? left : -following.CopyRead);
            Line(to, "master_sync_perc",
                following.CopyLength > 0 ? $"{following.CopyRead * 100 / following.CopyLength}.00" : "0.00");
            Line(to, "master_sync_last_io_seconds_ago", silent);
        }

        if (!isUp)
        {
            Line(to, "master_link_down_since_seconds", following.DownSeconds);
        }

        Line(to, "slave_priority", engine.Options.Unused.GetValueOrDefault("replica-priority", "100"));
        Line(to, "slave_read_only", 1);
        Line(to, "replica_announced", 1);
    }

    private static void Processor(StringBuilder to)
    {
        using var self = Process.GetCurrentProcess();
        Line(to, "used_cpu_sys", Seconds(self.PrivilegedProcessorTime));
        Line(to, "used_cpu_user", Seconds(self.UserProcessorTime));
        Line(to, "used_cpu_sys_children", Seconds(default));
        Line(to, "used_cpu_user_children", Seconds(default));

        static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("F6", CultureInfo.InvariantCulture);
    }

    private static void Keyspace(StringBuilder to, KvEngine engine)
    {
        foreach (Database database in engine.Databases.Made.OrderBy(it => it.Number))
        {
            if (database.Keys.Count > 0)
            {
                Line(to, $"db{database.Number}",
                    $"keys={database.Keys.Count},expires={database.Keys.ExpiringCount},avg_ttl=0");
            }
        }
    }

    /// <summary>A section, and whether INFO has it where nobody asks for it by name.</summary>
    private sealed record Section(string Name, SectionWriter Write, bool IsDefault = true);
}
