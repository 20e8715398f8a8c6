using System.Text;
using KvStore.Access;
using KvStore.Protocol;

namespace KvStore.Commands;

/// <summary>Whether a user may run a command on its keys. Asked only for users who may not do everything.</summary>
internal static class Permissions
{
    private const int LongestObject = 1024;

    internal enum Verdict
    {
        Allowed,
        NoCommand,
        NoKey,
        NoChannel,
    }

    /// <summary>Null, or the error for a command that is about to run; the log has it then.</summary>
    public static string? Refusal(in Call call) => CheckAndLog(call) switch
    {
        Verdict.NoCommand => $"NOPERM this user has no permissions to run the '{call.Command.Name}' command",
        Verdict.NoKey => "NOPERM this user has no permissions to access one of the keys used as arguments",
        Verdict.NoChannel => "NOPERM this user has no permissions to access one of the channels used as arguments",
        _ => null,
    };

    /// <summary>The same in EXEC, of a command that was queued before the rules changed.</summary>
    public static string? LateRefusal(in Call call)
    {
        string? reason = CheckAndLog(call, "multi") switch
        {
            Verdict.NoCommand => "no permission to execute the command or subcommand",
            Verdict.NoKey => "no permission to touch the specified keys",
            Verdict.NoChannel => "no permission to access one of the channels used as arguments",
            _ => null,
        };
        return reason is null
            ? null
            : "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. "
            + $"This command is no longer allowed for the following reason: {reason}";
    }

    /// <summary>The same of a command that a script calls.</summary>
    public static string? ScriptRefusal(in Call call) => CheckAndLog(call, "lua") switch
    {
        Verdict.NoCommand => "ERR The user executing the script can't run this command or subcommand",
        Verdict.NoKey =>
            "ERR The user executing the script can't access at least one of the keys mentioned in the command "
            + "arguments",
        Verdict.NoChannel => "ERR The user executing the script can't publish to the channel mentioned in the command",
        _ => null,
    };

    /// <summary>Asks the selectors one by one. Of several refusals the one that got furthest counts.</summary>
    /// <param name="user">Who.</param>
    /// <param name="command">What; a subcommand where there is one.</param>
    /// <param name="args">With what.</param>
    /// <param name="key">The argument that is a key he may not use.</param>
    public static Verdict Check(AclUser user, Command command, Arguments args, out int key)
    {
        Verdict worst = Verdict.Allowed;
        key = 0;
        foreach (AclSelector selector in user.Selectors)
        {
            Verdict verdict = Check(selector, command, args, out int at);
            if (verdict == Verdict.Allowed)
            {
                return verdict;
            }

            if (verdict > worst || (verdict == worst && at > key))
            {
                worst = verdict;
                key = at;
            }
        }

        return worst;
    }

    public static void Log(in Call call, string reason, string subject, string user, string? context = null) =>
        call.Engine.Users.Log.Add(
            new AclLogEntry
            {
                Reason = reason,
                Context = context ?? (call.Session.Transaction is null ? "toplevel" : "multi"),
                Object = subject,
                UserName = user,
                ClientInfo = Clients.Describe(call.Session),
            },
            call.Engine.Options.AclLogLength);

    /// <summary>A name or a key as the log keeps it: no more of it than so many bytes.</summary>
    public static string Shown(ReadOnlySpan<byte> bytes) =>
        Encoding.Latin1.GetString(bytes[..Math.Min(bytes.Length, LongestObject)]);

    private static Verdict CheckAndLog(in Call call, string? context = null)
    {
        string user = call.Session.User.Name;
        Verdict verdict = Check(call.Session.User, call.Command, call.Args, out int key);
        switch (verdict)
        {
            case Verdict.NoCommand:
                Log(call, "command", call.Command.Name, user, context);
                break;
            case Verdict.NoKey:
                Log(call, "key", Shown(call.Args[key]), user, context);
                break;
            case Verdict.NoChannel:
                Log(call, "channel", Shown(call.Args[key]), user, context);
                break;
        }

        return verdict;
    }

    private static Verdict Check(AclSelector selector, Command command, Arguments args, out int key)
    {
        key = 0;
        if (!command.Has(CommandFlags.NoAuth) && !selector.AllowsCommand(command.Number)
            && !selector.AllowsFirstArgument(command.Name, args))
        {
            return Verdict.NoCommand;
        }

        if (command.Channels != ChannelArguments.Nowhere && !selector.AllChannels)
        {
            return CheckChannels(selector, command.Channels, args, out key);
        }

        if (command.Keys.First == 0 || selector.AllKeys)
        {
            return Verdict.Allowed;
        }

        int first = command.Keys.FirstOf(args);
        int last = command.Keys.LastOf(args);
        KeyAccess more = command.ReadsWithGet && HasGet(args) ? KeyAccess.Read : KeyAccess.Exists;
        KeyAccess access = (command.AccessOf?.Invoke(args) ?? command.KeyAccess) | more;
        for (key = first; key <= last; key = command.Keys.Next(key, last))
        {
            KeyAccess asked = key > first ? command.SecondKeyAccess ?? access : access;
            if (!selector.AllowsKey(args[key], asked))
            {
                return Verdict.NoKey;
            }
        }

        return Verdict.Allowed;
    }

    private static Verdict CheckChannels(AclSelector selector, ChannelArguments which, Arguments args, out int channel)
    {
        int last = which == ChannelArguments.First ? 1 : args.Count - 1;
        for (channel = 1; channel <= last; channel++)
        {
            if (!selector.AllowsChannel(args[channel], which == ChannelArguments.Patterns))
            {
                return Verdict.NoChannel;
            }
        }

        return Verdict.Allowed;
    }

    private static bool HasGet(Arguments args)
    {
        for (int i = 3; i < args.Count; i++)
        {
            if (args.Is(i, "get"u8))
            {
                return true;
            }
        }

        return false;
    }
}
