namespace KvStore.Commands;

/// <summary>What a command is and may do.</summary>
[Flags]
internal enum CommandFlags
{
    None = 0,

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
    Admin = 128,
}

/// <summary>A command of the table, or a subcommand of one.</summary>
internal sealed class Command
{
    /// <summary>Lower case; a subcommand's is "parent|name".</summary>
    public required string Name { get; init; }

    /// <summary>The number of arguments with the name; negative: at least so many.</summary>
    public required int Arity { get; init; }

    public required CommandFlags Flags { get; init; }

    /// <summary>Null where there are only subcommands.</summary>
    public CommandHandler? Handler { get; init; }

    /// <summary>Where keys are: first, last (-1: to the end) and step; 0: no keys.</summary>
    public (int First, int Last, int Step) Keys { get; init; }

    public string Group { get; init; } = "generic";

    public string Since { get; init; } = "1.0.0";

    public string Summary { get; init; } = "";

    public Command[] Subcommands { get; init; } = [];

    public bool Has(CommandFlags flag) => (Flags & flag) != 0;

    public bool AcceptsCount(int count) => Arity >= 0 ? count == Arity : count >= -Arity;
}
