using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using KvStore.Access;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>ACL and its subcommands: users, and what they may do.</summary>
internal static class Acl
{
    private const int MostBits = 4096;
    private const int BitsADigit = 4;
    private const int DefaultLogEntries = 10;

    private const string NoFile = "ERR This Redis instance is not configured to use an ACL file. You may want to "
        + "specify users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis "
        + "configuration file set) in order to store users in the Redis configuration.";

    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("server",
    [
        new("acl", -2, NoFlags, KeySpec.None, null)
        {
            Since = "6.0.0",
            Summary = "A container for Access List Control commands",
            Subcommands =
            [
                new("acl|cat", -2, NoScript, KeySpec.None, Cat)
                    { Since = "6.0.0", Summary = "List the ACL categories or the commands inside a category" },
                new("acl|deluser", -3, ForOperators | NoScript, KeySpec.None, DelUser)
                    { Since = "6.0.0", Summary = "Remove the specified ACL users and the associated rules" },
                new("acl|dryrun", -4, ForOperators | NoScript, KeySpec.None, DryRun)
                    { Since = "7.0.0", Summary = "Returns whether the user can execute the given command" },
                new("acl|genpass", -2, NoScript, KeySpec.None, GenPass)
                    { Since = "6.0.0", Summary = "Generate a pseudorandom secure password to use for ACL users" },
                new("acl|getuser", 3, ForOperators | NoScript, KeySpec.None, GetUser)
                    { Since = "6.0.0", Summary = "Get the rules for a specific ACL user" },
                HelpTexts.Of("acl", "6.0.0"),
                new("acl|list", 2, ForOperators | NoScript, KeySpec.None, List)
                    { Since = "6.0.0", Summary = "List the current ACL rules in ACL config file format" },
                new("acl|load", 2, ForOperators | NoScript, KeySpec.None, Load)
                    { Since = "6.0.0", Summary = "Reload the ACLs from the configured ACL file" },
                new("acl|log", -2, ForOperators | NoScript, KeySpec.None, Log)
                    { Since = "6.0.0", Summary = "List latest events denied because of ACLs in place" },
                new("acl|save", 2, ForOperators | NoScript, KeySpec.None, Save)
                    { Since = "6.0.0", Summary = "Save the current ACL rules in the configured ACL file" },
                new("acl|setuser", -3, ForOperators | NoScript, KeySpec.None, SetUser)
                    { Since = "6.0.0", Summary = "Modify or create the rules for a specific ACL user" },
                new("acl|users", 2, ForOperators | NoScript, KeySpec.None, Users)
                    { Since = "6.0.0", Summary = "List the username of all the configured ACL rules" },
                new("acl|whoami", 2, NoScript, KeySpec.None, WhoAmI)
                    { Since = "6.0.0", Summary = "Return the name of the user associated to the current connection" },
            ],
        },
    ]);

    public static void WhoAmI(in Call call) => Text(call, call.Session.User.Name);

    public static void Users(in Call call)
    {
        call.Reply.Array(call.Engine.Users.All.Count);
        foreach (AclUser user in call.Engine.Users.All)
        {
            Text(call, user.Name);
        }
    }

    public static void List(in Call call)
    {
        call.Reply.Array(call.Engine.Users.All.Count);
        foreach (AclUser user in call.Engine.Users.All)
        {
            Text(call, $"user {user.Name} {AclRules.Describe(user)}");
        }
    }

    public static void GetUser(in Call call)
    {
        if (call.Engine.Users.Find(Name(call, 2)) is not { } user)
        {
            call.Reply.Null();
            return;
        }

        call.Reply.Map(6);
        call.Reply.Bulk("flags"u8);
        List<string> flags = AclRules.Flags(user);
        call.Reply.Set(flags.Count);
        flags.ForEach(call.Reply.Bulk);
        call.Reply.Bulk("passwords"u8);
        call.Reply.Array(user.Passwords.Count);
        foreach (byte[] password in user.Passwords)
        {
            call.Reply.Bulk(Convert.ToHexStringLower(password));
        }

        Selector(call, user.Selectors[0]);
        call.Reply.Bulk("selectors"u8);
        call.Reply.Array(user.Selectors.Count - 1);
        foreach (AclSelector selector in user.Selectors.Skip(1))
        {
            call.Reply.Map(3);
            Selector(call, selector);
        }
    }

    public static void SetUser(in Call call)
    {
        string name = Name(call, 2);
        if (name.Length == 0 || name.Any(AclRules.IsSpace))
        {
            call.Reply.Error("ERR Usernames can't contain spaces or null characters"u8);
            return;
        }

        var changed = new AclUser(name, call.Engine.Options.AllChannels);
        if (call.Engine.Users.Find(name) is { } there)
        {
            changed.TakeFrom(there);
        }

        List<string> rules = [];
        for (int i = 3; i < call.Args.Count; i++)
        {
            rules.Add(Name(call, i));
        }

        if (!AclRules.TryApply(call.Table, changed, rules, out string error))
        {
            call.Reply.Error("ERR " + error);
            return;
        }

        call.Engine.Users.Set(changed);
        call.Engine.Users.AreChanged = true;
        Subscriptions.EndForbidden(call);
        call.Reply.Ok();
    }

    public static void DelUser(in Call call)
    {
        for (int i = 2; i < call.Args.Count; i++)
        {
            if (Name(call, i) == UserTable.DefaultName)
            {
                call.Reply.Error("ERR The 'default' user cannot be removed"u8);
                return;
            }
        }

        long removed = 0;
        for (int i = 2; i < call.Args.Count; i++)
        {
            if (call.Engine.Users.Remove(Name(call, i)) is { } user)
            {
                call.Engine.Users.AreChanged = true;
                removed++;
                call.Engine.Server.Disconnect(session => session.User == user);
                call.Session.Close |= call.Session.User == user;
            }
        }

        call.Reply.Integer(removed);
    }

    public static void Cat(in Call call)
    {
        if (call.Args.Count > 3)
        {
            Unknown(call);
            return;
        }

        string asked = call.Args.Count == 3 ? Name(call, 2) : "";
        AclCategories category = AclCategoryNames.Find(asked);
        if (asked.Length > 0 && category == AclCategories.Nothing)
        {
            call.Reply.Error($"ERR Unknown category '{Permissions.Shown(call.Args[2])}'");
            return;
        }

        List<string> names = asked.Length == 0
            ? [.. AclCategoryNames.All]
            : [.. call.Table.WithSubcommands.Where(it => (it.Categories & category) != 0).Select(it => it.Name)];
        call.Reply.Array(names.Count);
        names.ForEach(call.Reply.Bulk);
    }

    public static void GenPass(in Call call)
    {
        long bits = 256;
        if (call.Args.Count > 3)
        {
            Unknown(call);
            return;
        }

        if (call.Args.Count == 3 && !call.TryInteger(2, out bits))
        {
            return;
        }

        if (bits is < 1 or > MostBits)
        {
            call.Reply.Error("ERR ACL GENPASS argument must be the number of bits for the output password, "
                + $"a positive number up to {MostBits}");
            return;
        }

        int digits = ((int)bits + BitsADigit - 1) / BitsADigit;
        call.Reply.Bulk(RandomNumberGenerator.GetHexString(digits, lowercase: true));
    }

    public static void DryRun(in Call call)
    {
        if (call.Engine.Users.Find(Name(call, 2)) is not { } user)
        {
            call.Reply.Error($"ERR User '{Permissions.Shown(call.Args[2])}' not found");
            return;
        }

        Protocol.Arguments args = call.Args.From(3);
        if (call.Table.Resolve(args) is not { } command)
        {
            call.Reply.Error($"ERR Command '{Permissions.Shown(args[0])}' not found");
            return;
        }

        if (!command.AcceptsCount(args.Count))
        {
            call.Reply.Error(Errors.Arity(command.Name));
            return;
        }

        Permissions.Verdict verdict = Permissions.Check(user, command, args, out int key);
        if (verdict == Permissions.Verdict.Allowed)
        {
            call.Reply.Ok();
        }
        else
        {
            Text(call, verdict == Permissions.Verdict.NoCommand
                ? $"This user has no permissions to run the '{command.Name}' command"
                : $"This user has no permissions to access the '{Permissions.Shown(args[key])}' "
                + (verdict == Permissions.Verdict.NoKey ? "key" : "channel"));
        }
    }

    public static void Log(in Call call)
    {
        long count = DefaultLogEntries;
        if (call.Args.Count > 3)
        {
            Unknown(call);
            return;
        }

        if (call.Args.Count == 3 && call.Args.Is(2, "reset"u8))
        {
            call.Engine.Users.Log.Clear();
            call.Reply.Ok();
            return;
        }

        if (call.Args.Count == 3 && !call.TryInteger(2, out count))
        {
            return;
        }

        AclLogEntry[] shown = [.. call.Engine.Users.Log.Entries.Take((int)Math.Clamp(count, 0, int.MaxValue))];
        call.Reply.Array(shown.Length);
        foreach (AclLogEntry entry in shown)
        {
            Show(call, entry);
        }
    }

    public static void Load(in Call call)
    {
        CommandTable table = call.Table;
        WithFile(call, engine => AclFile.Load(table, engine), "");
    }

    public static void Save(in Call call) =>
        WithFile(call, AclFile.Save, "There was an error trying to save the ACLs: ");

    private static void WithFile(in Call call, Func<Engine.KvEngine, string?> action, string before)
    {
        if (call.Engine.Options.AclFile.Length == 0)
        {
            call.Reply.Error(NoFile);
        }
        else if (action(call.Engine) is { } problem)
        {
            call.Reply.Error($"ERR {before}{problem}");
        }
        else
        {
            call.Reply.Ok();
        }
    }

    private static void Selector(in Call call, AclSelector selector)
    {
        call.Reply.Bulk("commands"u8);
        Text(call, AclCommandRules.Describe(selector));
        call.Reply.Bulk("keys"u8);
        Text(call, AclRules.Keys(selector));
        call.Reply.Bulk("channels"u8);
        Text(call, AclRules.Channels(selector));
    }

    private static void Show(in Call call, AclLogEntry entry)
    {
        call.Reply.Map(7);
        call.Reply.Bulk("count"u8);
        call.Reply.Integer(entry.Count);
        Field("reason"u8, entry.Reason, call);
        Field("context"u8, entry.Context, call);
        Field("object"u8, entry.Object, call);
        Field("username"u8, entry.UserName, call);
        double seconds = (Environment.TickCount64 - entry.At) / 1000.0;
        Field("age-seconds"u8, seconds.ToString("0.###", CultureInfo.InvariantCulture), call);
        Field("client-info"u8, entry.ClientInfo, call);
    }

    private static void Field(ReadOnlySpan<byte> name, string value, in Call call)
    {
        call.Reply.Bulk(name);
        Text(call, value);
    }

    private static void Unknown(in Call call) => call.Reply.Error(
        $"ERR unknown subcommand or wrong number of arguments for '{Permissions.Shown(call.Args[1])}'. Try ACL HELP.");

    /// <summary>Names and patterns are bytes; a byte is a character of them.</summary>
    private static string Name(in Call call, int index) => Encoding.Latin1.GetString(call.Args[index]);

    private static void Text(in Call call, string text) => call.Reply.Bulk(Encoding.Latin1.GetBytes(text));
}
