using System.Text;
using GuestMemFs;
using KvStore.Protocol;
using KvStore.Transport;
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
                HelpTexts.Of("config", "5.0.0"),
                new("config|get", -3, ForOperators | NoScript, KeySpec.None, Get)
                    { Since = "2.0.0", Summary = "Get the values of configuration parameters" },
                new("config|set", -4, ForOperators | NoScript, KeySpec.None, Set)
                    { Since = "2.0.0", Summary = "Set configuration parameters to the given values" },
                new("config|resetstat", 2, ForOperators | NoScript, KeySpec.None, ResetStat)
                    { Since = "2.0.0", Summary = "Reset the stats returned by INFO" },
                new("config|rewrite", 2, ForOperators | NoScript, KeySpec.None, Rewrite)
                    { Since = "2.8.0", Summary = "Refused: the configuration file is not written" },
            ],
        },
    ]);

    /// <summary>What clients ask for that is not a setting here, answered as it is.</summary>
    private static readonly Fact[] Facts =
    [
        new("save", _ => "", AtRunTime: true),
        new("appendonly", _ => "no", AtRunTime: true),
        new("appendfsync", _ => "no", AtRunTime: true),
        new("maxmemory", o => Numbers.Text(o.Size), AtRunTime: true, BytesProblem),
        new("cluster-enabled", _ => "no"),
        new("maxmemory-clients", _ => "0", AtRunTime: true, ClientsProblem),
        new("dir", _ => Environment.CurrentDirectory, AtRunTime: true, _ => "can't set protected config"),
        new("dbfilename", o => Path.GetFileName(o.BackupFile), AtRunTime: true, _ => "can't set protected config"),
        new("slaveof", o => o.MasterNow),
        new("slave-read-only", _ => "yes", AtRunTime: true),
        new("replica-read-only", _ => "yes", AtRunTime: true),
    ];

    public static void Get(in Call call)
    {
        var found = new SortedDictionary<string, string>(StringComparer.Ordinal);
        for (int i = 2; i < call.Args.Count; i++)
        {
            foreach (Setting setting in Settings.Shown)
            {
                if (!setting.IsHidden || call.Args.Is(i, Encoding.ASCII.GetBytes(setting.Name)))
                {
                    Add(call.Args[i], setting.Name, setting.Show(call.Engine.Options));
                }
            }

            foreach (Fact fact in Facts)
            {
                Add(call.Args[i], fact.Name, fact.Value(call.Engine.Options));
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
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        for (int i = 2; i < call.Args.Count; i += 2)
        {
            if (Refusal(call, i, seen, trial) is { } refusal)
            {
                call.Reply.Error(refusal);
                return;
            }
        }

        if (TryGrow(call))
        {
            Apply(call, options);
            call.Reply.Ok();
        }
    }

    /// <summary>Why a setting cannot have the value behind its name; null where the trial has it.</summary>
    private static string? Refusal(in Call call, int at, HashSet<string> seen, ServerOptions trial)
    {
        string name = call.Args.Text(at);
        string value = call.Args.Text(at + 1);
        Setting? setting = Settings.Find(name);
        Fact? fact = Array.Find(Facts, f => f.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
        if (setting is null && fact is null)
        {
            return $"ERR Unknown option or number of arguments for CONFIG SET - '{call.Args.Shown(at)}'";
        }

        string? problem =
            !(setting?.AtRunTime ?? fact!.AtRunTime) ? "can't set immutable config"
            : !seen.Add(name) ? "duplicate parameter"
            : setting?.Name == "maxclients" && !FitsDescriptors(call.Args[at + 1])
                ? "The operating system is not able to handle the specified number of clients, try " +
                    $"with {DescriptorLimit.MostConnections()}"
            : setting is not null ? setting.TryApply(trial, value)
            : fact!.Problem(call.Engine.Options, value);
        return problem is null ? null
            : $"ERR CONFIG SET failed (possibly related to argument '{call.Args.Shown(at)}') - {problem}";
    }

    private static void Apply(in Call call, ServerOptions options)
    {
        for (int i = 2; i < call.Args.Count; i += 2)
        {
            if (Settings.Find(call.Args.Text(i)) is { } setting)
            {
                setting.TryApply(options, call.Args.Text(i + 1));
                options.SetAtRunTime.Add(setting.Name);
            }

            if (call.Args.Is(i, "requirepass"u8))
            {
                call.Engine.Users.AreChanged = true;
                AclFile.SetDefaultPassword(call.Engine);
            }
        }

        call.Engine.Evictable.FollowPolicy(needsTimes: call.Engine.Usage is { CountsUses: false });
        call.Engine.LookAtCommands();
    }

    /// <summary>
    /// Changes the store's size where that is asked for; false where it cannot, and then nothing was changed.
    /// </summary>
    private static bool TryGrow(in Call call)
    {
        for (int i = 2; i < call.Args.Count; i += 2)
        {
            if (!call.Args.Is(i, "maxmemory"u8) || !ByteSize.TryParse(call.Args.Text(i + 1), out long bytes))
            {
                continue;
            }

            try
            {
                call.Engine.Options.Size = call.Engine.Keyspace.SetMaximum(bytes);
            }
            catch (ArenaException refused)
            {
                call.Reply.Error(
                    $"ERR CONFIG SET failed (possibly related to argument 'maxmemory') - {refused.Message}");
                return false;
            }
        }

        return true;
    }

    private static string? BytesProblem(string value) =>
        ByteSize.TryParse(value, out long bytes) && bytes <= 1L << 46 ? null : "argument must be a memory value";

    /// <summary>No client is closed for the memory that all of them take, but for its own limits.</summary>
    private static string? ClientsProblem(string value)
    {
        bool isPercentage = value.EndsWith('%');
        return !ByteSize.TryParse(value.TrimEnd('%'), out long number)
            ? "argument must be a memory or percent value"
            : isPercentage && number > 100 ? "percentage argument must be less or equal to 100"
            : number == 0 ? null
            : "it is '0' here, and nothing else";
    }

    private static bool FitsDescriptors(ReadOnlySpan<byte> clients) =>
        !Numbers.TryParse(clients, out long number) || number <= DescriptorLimit.MostConnections();

    public static void ResetStat(in Call call)
    {
        call.Engine.Statistics.Reset();
        call.Engine.CommandStatistics.Reset();
        call.Engine.ErrorCodes.Reset();
        call.Reply.Ok();
    }

    public static void Rewrite(in Call call) => call.Reply.Error("ERR The server is running without a config file"u8);

    /// <summary>What is not a setting. Without a check it is fixed: to set it to what it is, is OK.</summary>
    private sealed record Fact(
        string Name, Func<ServerOptions, string> Value, bool AtRunTime = false, Func<string, string?>? Check = null)
    {
        public string? Problem(ServerOptions options, string value) =>
            Check is not null ? Check(value)
            : value.Equals(Value(options), StringComparison.OrdinalIgnoreCase) ? null
            : $"it is '{Value(options)}' here, and nothing else";
    }
}
