using KvStore.Access;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>COMMAND, COMMAND COUNT, DOCS, INFO, LIST, GETKEYS.</summary>
internal static class CommandDocs
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("server",
    [
        new("command", -1, NoFlags, KeySpec.None, All)
        {
            Also = AclCategories.Connection,
            Since = "2.8.13",
            Summary = "Get array of command details",
            Subcommands =
            [
                HelpTexts.Of("command", "5.0.0"),
                new("command|count", 2, NoFlags, KeySpec.None, Count)
                    { Also = AclCategories.Connection, Since = "2.8.13", Summary = "Get total number of commands" },
                new("command|docs", -2, NoFlags, KeySpec.None, Docs)
                {
                    Also = AclCategories.Connection,
                    Since = "7.0.0",
                    Summary = "Get array of specific command documentation",
                },
                new("command|info", -2, NoFlags, KeySpec.None, Info)
                {
                    Also = AclCategories.Connection,
                    Since = "2.8.13",
                    Summary = "Get array of specific command details",
                },
                new("command|list", -2, NoFlags, KeySpec.None, List)
                    { Also = AclCategories.Connection, Since = "7.0.0", Summary = "Get an array of command names" },
                new("command|getkeys", -4, NoFlags, KeySpec.None, GetKeys)
                {
                    Also = AclCategories.Connection,
                    Since = "2.8.13",
                    Summary = "Extract keys given a full command",
                },
            ],
        },
    ]);

    public static void All(in Call call)
    {
        call.Reply.Array(call.Table.All.Count);
        foreach (Command command in call.Table.All)
        {
            Describe(call.Reply, command);
        }
    }

    public static void Count(in Call call) => call.Reply.Integer(call.Table.All.Count);

    public static void List(in Call call)
    {
        List<string> names = [];
        if (call.Args.Count is not (2 or 5) || (call.Args.Count == 5 && !call.Args.Is(2, "filterby"u8)))
        {
            call.Reply.Error(Errors.Syntax);
            return;
        }

        string kind = call.Args.Count == 5 ? call.Args.Shown(3).ToUpperInvariant() : "";
        if (kind is not ("" or "MODULE" or "ACLCAT" or "PATTERN"))
        {
            call.Reply.Error(Errors.Syntax);
            return;
        }

        foreach (Command command in call.Table.WithSubcommands)
        {
            bool fits = kind switch
            {
                "" => true,
                "ACLCAT" => (command.Categories & AclCategoryNames.Find(call.Args.Text(4))) != 0,
                "PATTERN" => Glob.IsMatch(call.Args[4], System.Text.Encoding.ASCII.GetBytes(command.Name),
                    ignoreCase: true),
                _ => false, // none is a module's
            };
            if (fits)
            {
                names.Add(command.Name);
            }
        }

        call.Reply.Array(names.Count);
        names.ForEach(call.Reply.Bulk);
    }

    public static void Info(in Call call)
    {
        if (call.Args.Count == 2)
        {
            All(call);
            return;
        }

        call.Reply.Array(call.Args.Count - 2);
        for (int i = 2; i < call.Args.Count; i++)
        {
            if (call.Table.FindByFullName(call.Args[i]) is { } command)
            {
                Describe(call.Reply, command);
            }
            else
            {
                call.Reply.Null();
            }
        }
    }

    public static void Docs(in Call call)
    {
        List<Command> commands = [];
        if (call.Args.Count == 2)
        {
            commands.AddRange(call.Table.All);
        }

        for (int i = 2; i < call.Args.Count; i++)
        {
            if (call.Table.FindByFullName(call.Args[i]) is { } command)
            {
                commands.Add(command);
            }
        }

        call.Reply.Map(commands.Count);
        foreach (Command command in commands)
        {
            call.Reply.Bulk(command.Name);
            Document(call.Reply, command);
        }
    }

    public static void GetKeys(in Call call)
    {
        Command? command = Named(call);
        if (command is null)
        {
            call.Reply.Error("ERR Invalid command specified"u8);
            return;
        }

        int count = call.Args.Count - 2;
        if (command.Keys.First == 0)
        {
            call.Reply.Error("ERR The command has no key arguments"u8);
            return;
        }

        if (!command.AcceptsCount(count))
        {
            call.Reply.Error("ERR Invalid number of arguments specified for command"u8);
            return;
        }

        int first = command.Keys.FirstOf(call.Args.From(2));
        int last = command.Keys.LastOf(call.Args.From(2));
        if (last < first && command.Group != "scripting")
        {
            call.Reply.Error("ERR Invalid arguments specified for command"u8);
            return;
        }

        List<int> places = [];
        for (int i = first; i <= last; i = command.Keys.Next(i, last))
        {
            places.Add(i + 2);
        }

        call.Reply.Array(places.Count);
        foreach (int place in places)
        {
            call.Reply.Bulk(call.Args[place]);
        }
    }

    /// <summary>The command that is the third argument, or the subcommand of it that is the fourth.</summary>
    private static Command? Named(in Call call)
    {
        Command? command = call.Table.Find(call.Args[2]);
        if (command is not { HasSubcommands: true } || call.Args.Count < 4)
        {
            return command;
        }

        string name = call.Args.Text(3);
        return command.Subcommands.FirstOrDefault(it =>
            it.Name.AsSpan(it.Name.IndexOf('|') + 1).Equals(name, StringComparison.OrdinalIgnoreCase));
    }

    private static void Describe(RespWriter reply, Command command)
    {
        reply.Array(10);
        reply.Bulk(command.Name);
        reply.Integer(command.Arity);
        List<string> flags = Flags(command);
        reply.Set(flags.Count);
        foreach (string flag in flags)
        {
            reply.Simple(System.Text.Encoding.ASCII.GetBytes(flag));
        }

        bool areMovable = command.Keys.AreMovable;
        reply.Integer(areMovable ? 0 : command.Keys.First);
        reply.Integer(areMovable ? 0 : command.Keys.Last);
        reply.Integer(areMovable ? 0 : command.Keys.Step);
        string[] categories = AclCategoryNames.Of(command.Categories);
        reply.Set(categories.Length);
        foreach (string category in categories)
        {
            reply.Simple(System.Text.Encoding.ASCII.GetBytes(category));
        }

        reply.Array(0); // tips
        reply.Array(0); // key specifications
        reply.Array(command.Subcommands.Count);
        foreach (Command subcommand in command.Subcommands)
        {
            Describe(reply, subcommand);
        }
    }

    private static void Document(RespWriter reply, Command command)
    {
        reply.Map(command.HasSubcommands ? 4 : 3);
        reply.Bulk("summary"u8);
        reply.Bulk(command.Summary);
        reply.Bulk("since"u8);
        reply.Bulk(command.Since);
        reply.Bulk("group"u8);
        reply.Bulk(command.Group);
        if (!command.HasSubcommands)
        {
            return;
        }

        reply.Bulk("subcommands"u8);
        reply.Map(command.Subcommands.Count);
        foreach (Command subcommand in command.Subcommands)
        {
            reply.Bulk(subcommand.Name);
            Document(reply, subcommand);
        }
    }

    private static List<string> Flags(Command command)
    {
        List<string> flags = [];
        Add(CommandFlags.Write, "write");
        Add(CommandFlags.ReadOnly, "readonly");
        Add(CommandFlags.DenyOom, "denyoom");
        Add(CommandFlags.ForOperators, "admin");
        Add(CommandFlags.NoScript, "noscript");
        Add(CommandFlags.Blocking, "blocking");
        Add(CommandFlags.NoMulti, "no_multi");
        Add(CommandFlags.NoAuth, "no_auth");
        Add(CommandFlags.Fast, "fast");
        Add(CommandFlags.AllowBusy, "allow_busy");
        if (command.Keys.AreMovable || command.Keys.IsStored || command.Keys.NamesMore)
        {
            flags.Add("movablekeys");
        }

        return flags;

        void Add(CommandFlags flag, string name)
        {
            if (command.Has(flag))
            {
                flags.Add(name);
            }
        }
    }
}
