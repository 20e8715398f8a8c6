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
        Hidden("rdb-key-save-delay"),
        Hidden("key-load-delay"),
        YesNo("stop-writes-on-bgsave-error", "yes"),
        Number("auto-aof-rewrite-percentage", 100, 0, int.MaxValue),
        YesNo("aof-use-rdb-preamble", "yes"),
        YesNo("aof-load-truncated", "yes"),
        YesNo("no-appendfsync-on-rewrite", "no"),
        YesNo("aof-rewrite-incremental-fsync", "yes"),
        YesNo("repl-disable-tcp-nodelay", "no"),
        YesNo("repl-diskless-sync", "yes"),
        Number("repl-diskless-sync-delay", 5, 0, int.MaxValue),
        Choice("loglevel", "notice", "debug", "verbose", "notice", "warning"),
        Text("proc-title-template", "{title} {listen-addr} {server-mode}", atRunTime: true),
        Text("shutdown-on-sigint", "default", atRunTime: true),
        Text("shutdown-on-sigterm", "default", atRunTime: true),
        Number("shutdown-timeout", 10, 0, int.MaxValue),
        Choice("sanitize-dump-payload", "no", "no", "yes", "clients"),
        YesNo("enable-module-command", "no", atRunTime: false),
        YesNo("enable-protected-configs", "no", atRunTime: false),
        YesNo("replica-lazy-flush", "no"),
        Number("replica-priority", 100, 0, int.MaxValue),
        YesNo("jemalloc-bg-thread", "yes"),
        Number("io-threads", 1, 1, 128, atRunTime: false),
        YesNo("daemonize", "no", atRunTime: false),
        YesNo("always-show-logo", "no", atRunTime: false),
    ];

    private static Setting Hidden(string name) => Kept(
        name, "0", atRunTime: true, value => IntegerProblem(value, int.MinValue, int.MaxValue), isHidden: true);

    private static Setting Number(string name, long initial, long least, long most, bool atRunTime = true) =>
        Kept(name, initial.ToString(CultureInfo.InvariantCulture), atRunTime,
            value => IntegerProblem(value, least, most));

    private static string? IntegerProblem(string value, long least, long most) =>
        !long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number)
            ? "argument couldn't be parsed into an integer"
            : number < least || number > most ? $"argument must be between {least} and {most} inclusive"
            : null;

    private static Setting Choice(string name, string initial, params string[] choices) =>
        Kept(name, initial, atRunTime: true, value => choices.Contains(value, StringComparer.Ordinal) ? null
            : $"argument(s) must be one of the following: {string.Join(", ", choices)}");

    private static Setting Text(string name, string initial, bool atRunTime) =>
        Kept(name, initial, atRunTime, _ => null, value => value);

    private static Setting YesNo(string name, string initial, bool atRunTime = true) =>
        Kept(name, initial, atRunTime, value => value is "yes" or "no" ? null : "argument must be 'yes' or 'no'");

    private static Setting Kept(string name, string initial, bool atRunTime, Func<string, string?> check,
        Func<string, string>? show = null, bool isHidden = false) =>
        new(name, Help, options => options.Unused.GetValueOrDefault(name, initial), (options, value) =>
        {
            string shown = show is null ? value.ToLowerInvariant() : show(value);
            string? problem = check(show is null ? shown : value);
            if (problem is null)
            {
                options.Unused[name] = shown;
            }

            return problem;
        }, atRunTime) { IsHidden = isHidden };
}
