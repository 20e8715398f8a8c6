using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using KvStore.Protocol;

namespace KvStore.Commands;

/// <summary>
/// Finds a command by its name's bytes, in any case, without a string: the first eight bytes are hashed as one word.
/// </summary>
internal sealed class CommandTable
{
    private const ulong UpperMask = 0xDFDF_DFDF_DFDF_DFDF;
    private const int SmallestSize = 16;

    private readonly ulong[] _words;
    private readonly byte[][] _names;
    private readonly Command?[] _commands;
    private readonly int _shift;

    public CommandTable(Command[] commands)
    {
        All = commands;

        // A quarter full at most: a name that is there is found at the first look or the second.
        int size = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(SmallestSize, commands.Length * 4));
        _shift = 64 - BitOperations.Log2((uint)size);
        _words = new ulong[size];
        _names = new byte[size][];
        _commands = new Command?[size];
        foreach (Command command in commands)
        {
            Add(command);
        }
    }

    /// <summary>The table of a command that stands in none.</summary>
    public static CommandTable Empty { get; } = new([]);

    /// <summary>The table of all commands there are: each is told which table it stands in, and its number.</summary>
    public static CommandTable OfServer(Command[] commands)
    {
        var table = new CommandTable(commands);
        table.WithSubcommands = [.. commands.SelectMany(command => command.Subcommands.Prepend(command))];
        for (int i = 0; i < table.WithSubcommands.Count; i++)
        {
            table.WithSubcommands[i].StandIn(table, i);
        }

        return table;
    }

    public IReadOnlyList<Command> All { get; }

    /// <summary>Commands and subcommands by their numbers; empty in a table of subcommands.</summary>
    public IReadOnlyList<Command> WithSubcommands { get; private set; } = [];

    public Command? Find(ReadOnlySpan<byte> name)
    {
        ulong word = Word(name);
        for (int at = Slot(word, name.Length); ; at = (at + 1) & (_commands.Length - 1))
        {
            Command? command = _commands[at];
            if (command is null)
            {
                return null;
            }

            // Eight bytes under the mask say all about letters; anything else, and what is behind the eight, is
            // compared.
            if (_words[at] == word && _names[at].Length == name.Length && Ascii.EqualsIgnoreCase(name, _names[at]))
            {
                return command;
            }
        }
    }

    /// <summary>By "name" or "name|subcommand".</summary>
    public Command? FindByFullName(ReadOnlySpan<byte> name)
    {
        int bar = name.IndexOf((byte)'|');
        if (bar < 0)
        {
            return Find(name);
        }

        Command? parent = Find(name[..bar]);
        return parent is { HasSubcommands: true } ? parent.FindSubcommand(name[(bar + 1)..]) : null;
    }

    /// <summary>The command or, where there is one, the subcommand that the arguments call.</summary>
    public Command? Resolve(Arguments args)
    {
        Command? command = Find(args[0]);
        return command is { HasSubcommands: true } && args.Count > 1 ? command.FindSubcommand(args[1]) : command;
    }

    private void Add(Command command)
    {
        byte[] name = Encoding.ASCII.GetBytes(
            command.Name[(command.Name.IndexOf('|', StringComparison.Ordinal) + 1)..]);
        ulong word = Word(name);
        int at = Slot(word, name.Length);
        while (_commands[at] is not null)
        {
            at = (at + 1) & (_commands.Length - 1);
        }

        _words[at] = word;
        _names[at] = name;
        _commands[at] = command;
    }

    private int Slot(ulong word, int length) => (int)(((word + (ulong)length) * 0x9E37_79B9_7F4A_7C15) >> _shift);

    private static ulong Word(ReadOnlySpan<byte> name)
    {
        if (name.Length >= sizeof(ulong))
        {
            return BinaryPrimitives.ReadUInt64LittleEndian(name) & UpperMask;
        }

        ulong word = 0;
        for (int i = name.Length - 1; i >= 0; i--)
        {
            word = (word << 8) | name[i];
        }

        return word & UpperMask;
    }
}
