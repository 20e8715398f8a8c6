using System.Globalization;

namespace KvStore.Engine;

/// <summary>
/// Settings of Redis that change nothing that a client sees here: how it packs lists, writes files, speaks to replicas.
/// Each is taken within Redis's bounds, kept until the end of the process, and shown.
/// </summary>
internal static class UnusedSettings
{
    private const string Help = "taken and shown, without effect";

    public static IReadOnlyList<Setting> All { get; } =
    [
        Number("list-compress-depth", 0, 0, int.MaxValue),
        Number("stream-node-max-bytes", 4096, 0, long.MaxValue),
        YesNo("activerehashing", "yes"),
        Number("active-expire-effort", 1, 1, 10),
        Number("maxmemory-eviction-tenacity", 10, 0, 100),
        Number("hz", 10, 0, int.MaxValue),
        YesNo("dynamic-hz", "yes"),
        YesNo("lazyfree-lazy-eviction", "no"),
        YesNo("lazyfree-lazy-expire", "no"),
        YesNo("lazyfree-lazy-server-del", "no"),
        YesNo("lazyfree-lazy-user-del", "no"),
        YesNo("lazyfree-lazy-user-flush", "no"),
        YesNo("rdbcompression", "yes"),
        YesNo("rdbchecksum", "yes", atRunTime: false),
        YesNo("rdb-save-incremental-fsync", "yes"),
        YesNo("rdb-del-sync-files", "no"),
        Number("rdb-key-save-delay", 0, int.MinValue, int.MaxValue),
        Number("key-load-delay", 0, int.MinValue, int.MaxValue),
        YesNo("stop-writes-on-bgsave-error", "yes"),
        Number("auto-aof-rewrite-percentage", 100, 0, int.MaxValue),
        YesNo("aof-use-rdb-preamble", "yes"),
        YesNo("aof-load-truncated", "yes"),
        YesNo("no-appendfsync-on-rewrite", "no"),
        YesNo("aof-rewrite-incremental-fsync", "yes"),
        YesNo("repl-disable-tcp-nodelay", "no"),
        YesNo("repl-diskless-sync", "yes"),
        Number("repl-diskless-sync-delay", 5, 0, int.MaxValue),
        YesNo("replica-serve-stale-data", "yes"),
        YesNo("replica-lazy-flush", "no"),
        Number("replica-priority", 100, 0, int.MaxValue),
        YesNo("jemalloc-bg-thread", "yes"),
        Number("io-threads", 1, 1, 128, atRunTime: false),
        YesNo("daemonize", "no", atRunTime: false),
        YesNo("always-show-logo", "no", atRunTime: false),
    ];

    private static Setting Number(string name, long initial, long least, long most, bool atRunTime = true) =>
        Kept(name, initial.ToString(CultureInfo.InvariantCulture), atRunTime, value =>
            !long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number)
                ? "argument couldn't be parsed into an integer"
                : number < least || number > most ? $"argument must be between {least} and {most} inclusive"
                : null);

    private static Setting YesNo(string name, string initial, bool atRunTime = true) =>
        Kept(name, initial, atRunTime, value => value is "yes" or "no" ? null : "argument must be 'yes' or 'no'");

    private static Setting Kept(string name, string initial, bool atRunTime, Func<string, string?> check) =>
        new(name, Help, options => options.Unused.GetValueOrDefault(name, initial), (options, value) =>
        {
            string shown = value.ToLowerInvariant();
            string? problem = check(shown);
            if (problem is null)
            {
                options.Unused[name] = shown;
            }

            return problem;
        }, atRunTime);
}
