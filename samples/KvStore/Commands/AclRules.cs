using System.Text;
using KvStore.Access;

namespace KvStore.Commands;

/// <summary>Rules as ACL SETUSER and files of users have them: read into a user, and written out of one. Bytes are
/// characters.</summary>
internal static class AclRules
{
    private const string UnknownCommand = "Unknown command or category name in ACL";
    private const string SyntaxError = "Syntax error";
    private const string NoSuchPassword = "The password you are trying to remove from the user does not exist";
    private const string NoSubcommandArgument = "Allowing first-arg of a subcommand is not supported";

    private const string BadHash =
        "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters";

    private const string AllKeysAlready =
        "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. "
        + "Try 'resetkeys' to start with an empty list of patterns";

    private const string AllChannelsAlready =
        "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. "
        + "Try 'resetchannels' to start with an empty list of channels";

    /// <summary>A new user as the default user is at first: everything is allowed.</summary>
    public static void MakeDefault(CommandTable table, AclUser user)
    {
        var all = new AclUser(user.Name);
        _ = TryApply(table, all, ["on", "nopass", "~*", "&*", "+@all"], out _);
        user.TakeFrom(all);
    }

    /// <summary>Applies rules to a user that nobody uses yet; false with Redis's error where one is none.</summary>
    public static bool TryApply(CommandTable table, AclUser user, IEnumerable<string> rules, out string error)
    {
        error = "";
        if (!TryMergeSelectors(rules, out List<string> merged, out string open))
        {
            error = $"Unmatched parenthesis in acl selector starting at '{open}'.";
            return false;
        }

        foreach (string rule in merged)
        {
            if (ApplyToUser(table, user, rule) is { } problem)
            {
                error = $"Error in ACL SETUSER modifier '{rule}': {problem}";
                return false;
            }
        }

        user.Selectors.ForEach(selector => AclCommandRules.Settle(table, selector));
        return true;
    }

    /// <summary>All of a user but his name.</summary>
    public static string Describe(AclUser user)
    {
        var text = new StringBuilder(string.Join(' ', Flags(user)));
        foreach (byte[] password in user.Passwords)
        {
            text.Append(" #").Append(Convert.ToHexStringLower(password));
        }

        text.Append(' ').Append(Describe(user.Selectors[0]));
        foreach (AclSelector selector in user.Selectors.Skip(1))
        {
            text.Append(" (").Append(Describe(selector)).Append(')');
        }

        return text.ToString();
    }

    public static List<string> Flags(AclUser user)
    {
        List<string> flags = [user.Enabled ? "on" : "off"];
        if (user.NoPassword)
        {
            flags.Add("nopass");
        }

        if (user.PayloadFlag.Length > 0)
        {
            flags.Add(user.PayloadFlag);
        }

        return flags;
    }

    public static string Keys(AclSelector selector) =>
        selector.AllKeys ? "~*" : string.Join(' ', selector.Keys.Values.Select(Show));

    public static string Channels(AclSelector selector) =>
        selector.AllChannels ? "&*" : string.Join(' ', selector.Channels.Keys.Select(channel => '&' + channel));

    private static string Describe(AclSelector selector)
    {
        string keys = Keys(selector);
        string channels = (selector.AllChannels ? "" : "resetchannels ") + Channels(selector);
        return $"{keys} {channels.TrimEnd()} {AclCommandRules.Describe(selector)}".TrimStart();
    }

    private static string Show(KeyPattern pattern) => (pattern.Access switch
    {
        KeyAccess.Read => "%R~",
        KeyAccess.Write => "%W~",
        _ => "~",
    }) + Encoding.Latin1.GetString(pattern.Glob);

    /// <summary>What stands in parentheses is one rule, though it came as several arguments.</summary>
    private static bool TryMergeSelectors(IEnumerable<string> rules, out List<string> merged, out string open)
    {
        merged = [];
        open = "";
        string? selector = null;
        foreach (string rule in rules)
        {
            if (selector is null && rule.StartsWith('('))
            {
                open = rule;
                selector = rule;
            }
            else if (selector is not null)
            {
                selector += ' ' + rule;
            }
            else
            {
                merged.Add(rule);
                continue;
            }

            if (selector.EndsWith(')'))
            {
                merged.Add(selector);
                selector = null;
            }
        }

        return selector is null;
    }

    private static string? ApplyToUser(CommandTable table, AclUser user, string rule)
    {
        switch (rule.ToLowerInvariant())
        {
            case "on" or "off":
                user.Enabled = rule.Length == 2;
                return null;
            case "nopass":
                user.ClearPasswords();
                user.NoPassword = true;
                return null;
            case "resetpass":
                user.ClearPasswords();
                return null;
            case "sanitize-payload" or "skip-sanitize-payload":
                user.PayloadFlag = rule.ToLowerInvariant();
                return null;
            case "clearselectors":
                user.Selectors.RemoveRange(1, user.Selectors.Count - 1);
                return null;
            case "reset":
                user.Enabled = false;
                user.ClearPasswords();
                user.PayloadFlag = "sanitize-payload";
                user.Selectors.Clear();
                user.Selectors.Add(user.NewSelector());
                return null;
        }

        return rule.Length == 0 ? SyntaxError : rule[0] switch
        {
            '>' or '<' => ApplyPassword(user, rule[0] == '>', AclUser.Hash(Encoding.Latin1.GetBytes(rule[1..]))),
            '#' or '!' => ApplyHash(user, rule),
            '(' => AddSelector(table, user, rule),
            _ => ApplyToSelector(table, user.Selectors[0], rule),
        };
    }

    private static string? ApplyHash(AclUser user, string rule)
    {
        string hash = rule[1..];
        return hash.Length == 64 && hash.All(char.IsAsciiHexDigitLower)
            ? ApplyPassword(user, rule[0] == '#', Convert.FromHexString(hash))
            : BadHash;
    }

    private static string? ApplyPassword(AclUser user, bool add, byte[] hash)
    {
        if (!add)
        {
            return user.RemovePassword(hash) ? null : NoSuchPassword;
        }

        user.AddPassword(hash);
        return null;
    }

    private static string? AddSelector(CommandTable table, AclUser user, string rule)
    {
        AclSelector selector = user.NewSelector();
        foreach (string part in rule[1..^1].Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (ApplyToSelector(table, selector, part) is { } problem)
            {
                return problem;
            }
        }

        user.Selectors.Add(selector);
        return null;
    }

    private static string? ApplyToSelector(CommandTable table, AclSelector selector, string rule)
    {
        switch (rule.ToLowerInvariant())
        {
            case "allkeys" or "~*":
                selector.AllKeys = true;
                selector.Keys.Clear();
                return null;
            case "resetkeys":
                selector.AllKeys = false;
                selector.Keys.Clear();
                return null;
            case "allchannels" or "&*":
                selector.AllChannels = true;
                selector.Channels.Clear();
                return null;
            case "resetchannels":
                selector.AllChannels = false;
                selector.Channels.Clear();
                return null;
        }

        return rule[0] switch
        {
            '~' or '%' => AddKeys(selector, rule),
            '&' => AddChannel(selector, rule[1..]),
            _ => AclCommandRules.TryAdd(table, selector, rule) switch
            {
                AclCommandRules.Added.Yes => null,
                AclCommandRules.Added.Unknown => UnknownCommand,
                AclCommandRules.Added.ArgumentOfSubcommand => NoSubcommandArgument,
                _ => SyntaxError,
            },
        };
    }

    private static string? AddKeys(AclSelector selector, string rule)
    {
        if (selector.AllKeys)
        {
            return AllKeysAlready;
        }

        int start = rule.IndexOf('~', StringComparison.Ordinal);
        KeyAccess access = rule[0] == '~' ? KeyAccess.ReadWrite : Access(start < 0 ? "" : rule[1..start]);
        string glob = rule[(start + 1)..];
        if (access == KeyAccess.Exists || glob.Any(IsSpace))
        {
            return SyntaxError;
        }

        KeyAccess before = selector.Keys.TryGetValue(glob, out KeyPattern same) ? same.Access : default;
        selector.Keys[glob] = new KeyPattern(Encoding.Latin1.GetBytes(glob), before | access);
        return null;
    }

    /// <summary>R, W or both; what else there is, means none.</summary>
    private static KeyAccess Access(string letters) => letters.ToUpperInvariant() switch
    {
        "R" => KeyAccess.Read,
        "W" => KeyAccess.Write,
        "RW" or "WR" => KeyAccess.ReadWrite,
        _ => KeyAccess.Exists,
    };

    private static string? AddChannel(AclSelector selector, string channel)
    {
        if (selector.AllChannels)
        {
            return AllChannelsAlready;
        }

        if (channel.Any(IsSpace))
        {
            return SyntaxError;
        }

        selector.Channels.TryAdd(channel, Encoding.Latin1.GetBytes(channel));
        return null;
    }

    internal static bool IsSpace(char c) => c is ' ' or '\0' or (>= '\t' and <= '\r');
}
