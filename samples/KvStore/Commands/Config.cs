using System.Text;
using KvStore.Protocol;
using KvStore.Engine;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>CONFIG GET, SET, RESETSTAT, REWRITE.</summary>
internal static class Config
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("server",
    [
        new("config", -2, NoFlags, KeySpec.None, null)
        {
            Since = "2.0.0",
            Summary = "A container for server configuration commands",
            Subcommands =
            [
                new("config|get", -3, ForOperators, KeySpec.None, Get)
                    { Since = "2.0.0", Summary = "Get the values of configuration parameters" },
                new("config|set", -4, ForOperators, KeySpec.None, Set)
                    { Since = "2.0.0", Summary = "Set configuration parameters to the given values" },
                new("config|resetstat", 2, ForOperators, KeySpec.None, ResetStat)
                    { Since = "2.0.0", Summary = "Reset the stats returned by INFO" },
                new("config|rewrite", 2, ForOperators, KeySpec.None, Rewrite)
                    { Since = "2.8.0", Summary = "Refused: the configuration file is not written" },
            ],
        },
    ]);

    /// <summary>What clients ask for that is not a setting here, answered as it is.</summary>
    private static readonly (string Name, Func<ServerOptions, string> Value)[] Facts =
    [
        ("save", _ => ""),
        ("appendonly", _ => "no"),
        ("appendfsync", _ => "no"),
        ("databases", _ => "1"),
        ("maxmemory", o => Numbers.Text(o.Size)),
        ("maxmemory-policy", _ => "noeviction"),
        ("cluster-enabled", _ => "no"),
        ("slave-read-only", _ => "yes"),
        ("replica-read-only", _ => "yes"),
    ];

    public static void Get(in Call call)
    {
        var found = new SortedDictionary<string, string>(StringComparer.Ordinal);
        for (int i = 2; i < call.Args.Count; i++)
        {
            foreach (Setting setting in Settings.All)
            {
                Add(call.Args[i], setting.Name, setting.Show(call.Engine.Options));
            }

            foreach ((string name, Func<ServerOptions, string> value) in Facts)
            {
                Add(call.Args[i], name, value(call.Engine.Options));
            }
        }

        call.Reply.Map(found.Count);
        foreach ((string name, string value) in found)
        {
            call.Reply.Bulk(name);
            call.Reply.Bulk(value);
        }

        void Add(ReadOnlySpan<byte> pattern, string name, string value)
        {
            if (Glob.IsMatch(pattern, Encoding.ASCII.GetBytes(name), ignoreCase: true))
            {
                found[name] = value;
            }
        }
    }

    public static void Set(in Call call)
    {
        if (call.Args.Count % 2 != 0)
        {
            call.Reply.Error(Errors.Syntax);
            return;
        }

        // All are looked at before one is changed.
        ServerOptions options = call.Engine.Options;
        ServerOptions trial = options.Clone();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 2; i < call.Args.Count; i += 2)
        {
            string name = call.Args.Text(i);
            Setting? setting = Settings.Find(name);
            if (setting is null && !Facts.Any(f => f.Name.Equals(name, StringComparison.OrdinalIgnoreCase)))
            {
                call.Reply.Error($"ERR Unknown option or number of arguments for CONFIG SET - '{name}'");
                return;
            }

            string? problem =
                setting is not { AtRunTime: true } ? "can't set immutable config"
                : !seen.Add(setting.Name) ? "duplicate parameter"
                : setting.TryApply(trial, call.Args.Text(i + 1));
            if (problem is not null)
            {
                call.Reply.Error($"ERR CONFIG SET failed (possibly related to argument '{name}') - {problem}");
                return;
            }
        }

        for (int i = 2; i < call.Args.Count; i += 2)
        {
            Settings.Find(call.Args.Text(i))!.TryApply(options, call.Args.Text(i + 1));
        }

        call.Reply.Ok();
    }

    public static void ResetStat(in Call call)
    {
        call.Engine.Statistics.Reset();
        call.Reply.Ok();
    }

    public static void Rewrite(in Call call) => call.Reply.Error("ERR The server is running without a config file"u8);
}
