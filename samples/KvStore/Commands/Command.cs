using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;

namespace KvStore.Commands;

/// <summary>What a command is and may do.</summary>
[Flags]
internal enum CommandFlags
{
    NoFlags = 0,

    /// <summary>Changes the data.</summary>
    Write = 1,

    /// <summary>Reads the data.</summary>
    ReadOnly = 2,

    /// <summary>Needs room in the arena.</summary>
    DenyOom = 4,

    /// <summary>Answers before AUTH.</summary>
    NoAuth = 8,

    /// <summary>Runs at once inside MULTI.</summary>
    Immediate = 16,

    /// <summary>Is refused inside MULTI.</summary>
    NoMulti = 32,

    /// <summary>Constant or logarithmic time.</summary>
    Fast = 64,

    /// <summary>For operators.</summary>
    ForOperators = 128,

    /// <summary>Runs for a subscriber too, who takes messages in place of replies.</summary>
    OfSubscribers = 256,

    /// <summary>Is refused in a script.</summary>
    NoScript = 512,

    /// <summary>May wait for keys.</summary>
    Blocking = 1024,

    /// <summary>Has numbers of databases among its arguments.</summary>
    NamesDatabases = 2048,

    /// <summary>Looks at keys without using them: for eviction they are as idle as before.</summary>
    NoTouch = 4096,

    /// <summary>Runs while a script takes long: it looks at no key.</summary>
    AllowBusy = 8192,
}

/// <summary>Where a command's arguments are channels.</summary>
internal enum ChannelArguments
{
    Nowhere,

    /// <summary>The first is the channel that it publishes to.</summary>
    First,

    /// <summary>All are.</summary>
    Every,

    /// <summary>All are patterns.</summary>
    Patterns,
}

/// <summary>What a command does with its keys when it has these arguments.</summary>
internal delegate KeyAccess KeyAccessOf(Arguments args);

/// <summary>Where a command's arguments are keys.</summary>
/// <param name="First">The first; 0: none is.</param>
/// <param name="Last">The last; negative: counted from the end, -1 is the last argument.</param>
/// <param name="Step">From one to the next.</param>
/// <param name="Counted">The argument that says how many there are, right before them; 0: none does.</param>
/// <param name="Streams">True where they are behind the word STREAMS, and as many ids are behind them.</param>
internal readonly record struct KeySpec(int First, int Last, int Step, int Counted = 0, bool Streams = false)
{
    /// <summary>True where they are not where numbers say.</summary>
    public bool AreMovable => Counted > 0 || Streams;

    /// <summary>Behind the word STREAMS, with as many ids behind them.</summary>
    public static KeySpec BehindStreams => new(1, -1, 1, Streams: true);

    /// <summary>The first key's place among arguments; behind the last one's, where there is none.</summary>
    public int FirstOf(Arguments args) => Streams ? StreamsOf(args) + 1 : First;

    /// <summary>So many as that argument says, behind it.</summary>
    public static KeySpec CountedBy(int argument) => new(argument + 1, argument + 1, 1, argument);

    /// <summary>The first argument, and so many behind the second one as that says.</summary>
    public static KeySpec OneAndCounted => new(1, 1, 1, 2);

    /// <summary>The first argument, and the one behind the last STORE, where there is one.</summary>
    public static KeySpec OneAndStored => One with { IsStored = true };

    /// <summary>The same of GEORADIUS and GEORADIUSBYMEMBER: the last STORE or STOREDIST.</summary>
    public static KeySpec OneAndPlacesStored => One with { IsStored = true, StoresPlaces = true };

    /// <summary>True where the argument behind STORE is a key too.</summary>
    public bool IsStored { get; private init; }

    private bool StoresPlaces { get; init; }

    /// <summary>The first argument; patterns among the others name keys that nobody knows before it runs.</summary>
    public static KeySpec OneAndPatterns => One with { NamesMore = true };

    /// <summary>True where it reads keys that its arguments do not tell.</summary>
    public bool NamesMore { get; private init; }

    /// <summary>Where the next key is, up to the last: the number of keys is none.</summary>
    public int Next(int index, int last) =>
        IsStored && index < last ? last
        : index + Step == Counted ? Counted + 1
        : index + Step;

    /// <summary>The last key's place among arguments; before the first, where there is none.</summary>
    public int LastOf(Arguments args)
    {
        if (IsStored)
        {
            return StoresPlaces ? PlacesStoredAt(args) : StoredAt(args);
        }

        if (Streams)
        {
            int word = StreamsOf(args);
            int rest = args.Count - word - 1;
            return word == 0 || rest % 2 != 0 ? word : word + (rest / 2);
        }

        if (Counted > 0)
        {
            // As redis has it: where the number cannot be, the command will be refused, and names no key.
            bool counts = Numbers.TryParse(args[Counted], out long count) && count > 0 && count < args.Count
                && (First > Counted || Counted + count < args.Count);
            return counts ? (int)Math.Min(Counted + count, args.Count - 1) : First - 1;
        }

        return Math.Min(args.Count - 1, Last < 0 ? args.Count + Last : Last);
    }

    // SORT's options, of which some have arguments.
    private int StoredAt(Arguments args)
    {
        int stored = First;
        for (int i = First + 1; i + 1 < args.Count; i++)
        {
            bool store = args.Is(i, "store"u8);
            stored = store ? i + 1 : stored;
            i += store || args.Is(i, "by"u8) || args.Is(i, "get"u8) ? 1 : args.Is(i, "limit"u8) ? 2 : 0;
        }

        return stored;
    }

    private int PlacesStoredAt(Arguments args)
    {
        int stored = First;
        for (int i = First + 4; i + 1 < args.Count; i++)
        {
            bool store = args.Is(i, "store"u8) || args.Is(i, "storedist"u8);
            stored = store ? ++i : stored;
        }

        return stored;
    }

    /// <summary>Where the word STREAMS is, which may be another option's value before; 0: nowhere.</summary>
    private static int StreamsOf(Arguments args)
    {
        for (int i = 1; i < args.Count; i++)
        {
            if (args.Is(i, "streams"u8))
            {
                return i;
            }

            bool isOption = args.Is(i, "block"u8) || args.Is(i, "count"u8);
            if (!isOption && !args.Is(i, "group"u8) && !args.Is(i, "noack"u8))
            {
                return 0;
            }

            i += isOption ? 1 : args.Is(i, "group"u8) ? 2 : 0;
        }

        return 0;
    }

    public static KeySpec None => default;

    public static KeySpec One => new(1, 1, 1);

    public static KeySpec Two => new(1, 2, 1);

    public static KeySpec Every => new(1, -1, 1);

    /// <summary>Every other argument: the ones between are values.</summary>
    public static KeySpec Pairs => new(1, -1, 2);
}

/// <summary>
/// A command, or a subcommand of one: all that the table, COMMAND's answers and the list in the docs say of it.
/// </summary>
/// <param name="name">Lower case; a subcommand's is "parent|name".</param>
/// <param name="arity">The number of arguments with the name; negative: at least so many.</param>
/// <param name="flags">What it is and may do.</param>
/// <param name="keys">Which arguments are keys.</param>
/// <param name="handler">Runs it; null where there are only subcommands.</param>
internal sealed class Command(string name, int arity, CommandFlags flags, KeySpec keys, CommandHandler? handler)
{
    private readonly Command[] _subcommands = [];
    private CommandTable? _subtable;
    private string? _group;
    private string? _event;
    private readonly KeyEvents? _eventKind;
    private KeyAccess? _keyAccess;

    public string Name { get; } = name;

    public int Arity { get; } = arity;

    public CommandFlags Flags { get; } = flags;

    public KeySpec Keys { get; } = keys;

    public CommandHandler? Handler { get; } = handler;

    /// <summary>Redis's name for the kind of command; its family's where it is not given.</summary>
    public string Group
    {
        get => _group ?? "generic";
        init => _group = value;
    }

    /// <summary>The table of all commands, in which it stands or the command that it is a subcommand of.</summary>
    public CommandTable Table { get; private set; } = CommandTable.Empty;

    /// <summary>Which bit of an <see cref="AclSelector"/> is its own; set by that table.</summary>
    public int Number { get; private set; }

    /// <summary>What it does with its keys, as far as rules for keys tell it apart. Its flags' where not
    /// given.</summary>
    public KeyAccess KeyAccess
    {
        get => _keyAccess
            ?? (Has(CommandFlags.Write) ? KeyAccess.Write
            : Has(CommandFlags.ReadOnly) ? KeyAccess.Read
            : KeyAccess.Exists);
        init => _keyAccess = value;
    }

    /// <summary>The same of the second key, where that is another thing.</summary>
    public KeyAccess? SecondKeyAccess { get; init; }

    /// <summary>True where an option GET makes it read its key too.</summary>
    public bool ReadsWithGet { get; init; }

    /// <summary>Categories that neither its group nor its flags say.</summary>
    public AclCategories Also { get; init; }

    /// <summary>Categories in place of its group's.</summary>
    public AclCategories? Kinds { get; init; }

    /// <summary>What it does with its keys, where its arguments say that.</summary>
    public KeyAccessOf? AccessOf { get; init; }

    /// <summary>What rules for categories mean by it.</summary>
    public AclCategories Categories => Also
        | (Kinds ?? OfGroup)
        | (Has(CommandFlags.Fast) ? AclCategories.Fast : AclCategories.Slow)
        | If(CommandFlags.Write, AclCategories.Write)
        | (Has(CommandFlags.ReadOnly) && Group != "scripting" ? AclCategories.Read : AclCategories.Nothing)
        | If(CommandFlags.Blocking, AclCategories.Blocking)
        | If(CommandFlags.ForOperators, AclCategories.Admin | AclCategories.Dangerous);

    /// <summary>The version of Redis that has it first.</summary>
    public required string Since { get; init; }

    public required string Summary { get; init; }

    public IReadOnlyList<Command> Subcommands
    {
        get => _subcommands;
        init => _subcommands = [.. value];
    }

    /// <summary>True where it changes the data, or may call what does.</summary>
    public bool MayWrite => Has(CommandFlags.Write) || (Group == "scripting" && !Has(CommandFlags.ReadOnly));

    /// <summary>True where it looks at keys, or may call what does.</summary>
    public bool IsOfData => Has(CommandFlags.Write | CommandFlags.ReadOnly) || Group == "scripting";

    /// <summary>Which arguments are channels.</summary>
    public ChannelArguments Channels { get; init; }

    /// <summary>The event that its changes are published as; its name's where not given.</summary>
    public string Event
    {
        get => _event ?? Name;
        init => _event = value;
    }

    /// <summary>The kind of that event; its group's where not given.</summary>
    public KeyEvents EventKind
    {
        get => _eventKind ?? Group switch
        {
            "string" or "bitmap" or "hyperloglog" => KeyEvents.String,
            "list" => KeyEvents.List,
            "set" => KeyEvents.Set,
            "hash" => KeyEvents.Hash,
            "sorted-set" or "geo" => KeyEvents.SortedSet,
            "stream" => KeyEvents.Stream,
            _ => KeyEvents.Generic,
        };
        init => _eventKind = value;
    }

    public bool HasSubcommands => _subcommands.Length > 0;

    /// <summary>True where it takes so little time that its time is not measured: it has one key, and is fast or of
    /// single strings.</summary>
    public bool IsBrief { get; private set; }

    /// <summary>Tells it the table of all commands, and its number there.</summary>
    public void StandIn(CommandTable table, int number)
    {
        Table = table;
        Number = number;
        IsBrief = !HasSubcommands && Keys == KeySpec.One && (Has(CommandFlags.Fast) || Group == "string");
    }

    private AclCategories If(CommandFlags flag, AclCategories categories) =>
        Has(flag) ? categories : AclCategories.Nothing;

    /// <summary>As in Redis, what has only subcommands is of no group.</summary>
    private AclCategories OfGroup => Handler is null ? AclCategories.Nothing : Group switch
    {
        "generic" => AclCategories.Keyspace,
        "string" => AclCategories.String,
        "bitmap" => AclCategories.Bitmap,
        "connection" => AclCategories.Connection,
        "pubsub" => AclCategories.PubSub,
        "scripting" => AclCategories.Scripting,
        "transactions" => AclCategories.Transaction,
        "hash" => AclCategories.Hash,
        "list" => AclCategories.List,
        "set" => AclCategories.Set,
        "sorted-set" => AclCategories.SortedSet,
        "stream" => AclCategories.Stream,
        "geo" => AclCategories.Geo,
        "hyperloglog" => AclCategories.HyperLogLog,
        _ => AclCategories.Nothing,
    };

    /// <summary>The commands of one file, which are of one group.</summary>
    public static Command[] Family(string group, Command[] commands)
    {
        foreach (Command command in commands)
        {
            command._group ??= group;
            Family(group, command._subcommands);
        }

        return commands;
    }

    /// <summary>By the name behind the bar. The table is made when it is asked for.</summary>
    public Command? FindSubcommand(ReadOnlySpan<byte> name) =>
        (_subtable ??= new CommandTable(_subcommands)).Find(name);

    public bool Has(CommandFlags flag) => (Flags & flag) != 0;

    public bool AcceptsCount(int count) => Arity >= 0 ? count == Arity : count >= -Arity;
}
