using System.Text;
using KvStore.Access;

namespace KvStore.Commands;

/// <summary>The rules of a selector for commands. Each is kept in order and without those that change nothing; the
/// bits are made of them.</summary>
internal static class AclCommandRules
{
    internal enum Added
    {
        Yes,
        Unknown,
        ArgumentOfSubcommand,
        NoRule,
    }

    /// <summary>Adds a rule of plus or minus. The bits are made by <see cref="Settle"/>, once all are added.</summary>
    public static Added TryAdd(CommandTable table, AclSelector selector, string rule)
    {
        string lower = rule.ToLowerInvariant();
        if (lower is "+@all" or "allcommands" or "-@all" or "nocommands")
        {
            selector.AllByDefault = lower is "+@all" or "allcommands";
            selector.Rules.Clear();
            selector.FirstArguments.Clear();
            return Added.Yes;
        }

        if (lower[0] is not ('+' or '-'))
        {
            return Added.NoRule;
        }

        string name = lower[1..];
        bool isKnown = name.StartsWith('@')
            ? AclCategoryNames.Find(name[1..]) != AclCategories.Nothing
            : Find(table, name) is not null;
        if (isKnown)
        {
            selector.Rules.RemoveAll(it => it.Name == name || it.Name.StartsWith(name + '|', StringComparison.Ordinal));
            selector.Rules.Add(new CommandRule(lower[0] == '+', name));
            selector.FirstArguments.Remove(name);
            return Added.Yes;
        }

        return lower[0] == '+' ? TryAddFirstArgument(table, selector, name) : Added.Unknown;
    }

    /// <summary>Drops rules that change nothing, puts categories before commands where that means the same, and makes
    /// the bits.</summary>
    public static void Settle(CommandTable table, AclSelector selector)
    {
        ulong[] meant = Bits(table, selector.AllByDefault, selector.Rules);
        for (int i = 0; i < selector.Rules.Count;)
        {
            List<CommandRule> without = [.. selector.Rules[..i], .. selector.Rules[(i + 1)..]];
            if (Bits(table, selector.AllByDefault, without).AsSpan().SequenceEqual(meant))
            {
                selector.Rules.RemoveAt(i);
            }
            else
            {
                i++;
            }
        }

        List<CommandRule> sorted = [.. selector.Rules.OrderBy(rule => rule.Name.StartsWith('@') ? 0 : 1)];
        if (Bits(table, selector.AllByDefault, sorted).AsSpan().SequenceEqual(meant))
        {
            selector.Rules.Clear();
            selector.Rules.AddRange(sorted);
        }

        selector.SetAllowed(meant);
        string[] named = [.. selector.FirstArguments.Keys];
        foreach (string command in named.Where(name => selector.AllowsCommand(Find(table, name)!.Number)))
        {
            selector.FirstArguments.Remove(command);
        }
    }

    public static string Describe(AclSelector selector)
    {
        var text = new StringBuilder(selector.AllByDefault ? "+@all" : "-@all");
        foreach (CommandRule rule in selector.Rules)
        {
            text.Append(rule.Allows ? " +" : " -").Append(rule.Name);
        }

        foreach ((string command, List<string> arguments) in selector.FirstArguments)
        {
            arguments.ForEach(argument => text.Append(" +").Append(command).Append('|').Append(argument));
        }

        return text.ToString();
    }

    private static Command? Find(CommandTable table, string name) =>
        table.FindByFullName(Encoding.Latin1.GetBytes(name));

    private static Added TryAddFirstArgument(CommandTable table, AclSelector selector, string name)
    {
        int bar = name.IndexOf('|', StringComparison.Ordinal);
        if (bar < 0 || Find(table, name[..bar]) is not { } command)
        {
            return Added.Unknown;
        }

        string argument = name[(bar + 1)..];
        if (argument.Contains('|', StringComparison.Ordinal))
        {
            return command.HasSubcommands ? Added.ArgumentOfSubcommand : Added.Unknown;
        }

        if (command.HasSubcommands || argument.Length == 0)
        {
            return command.HasSubcommands ? Added.Unknown : Added.NoRule;
        }

        if (!selector.FirstArguments.TryGetValue(command.Name, out List<string>? arguments))
        {
            selector.FirstArguments[command.Name] = arguments = [];
        }

        if (!arguments.Contains(argument))
        {
            arguments.Add(argument);
        }

        return Added.Yes;
    }

    /// <summary>A bit for each command by its number, then one for each category: it stands for commands that are not
    /// here.</summary>
    private static ulong[] Bits(CommandTable table, bool allByDefault, List<CommandRule> rules)
    {
        int commands = table.WithSubcommands.Count;
        var bits = new ulong[(commands + AclCategoryNames.All.Count + 63) / 64];
        Array.Fill(bits, allByDefault ? ulong.MaxValue : 0);
        foreach ((bool allows, string name) in rules)
        {
            if (name.StartsWith('@'))
            {
                AclCategories category = AclCategoryNames.Find(name[1..]);
                Set(commands + int.Log2((int)category), allows);
                foreach (Command command in table.WithSubcommands.Where(it => (it.Categories & category) != 0))
                {
                    Set(command.Number, allows);
                }
            }
            else
            {
                Command command = Find(table, name)!;
                Set(command.Number, allows);
                foreach (Command subcommand in command.Subcommands)
                {
                    Set(subcommand.Number, allows);
                }
            }
        }

        return bits;

        void Set(int number, bool on)
        {
            ulong bit = 1UL << (number % 64);
            bits[number / 64] = on ? bits[number / 64] | bit : bits[number / 64] & ~bit;
        }
    }
}
