using System.Buffers.Binary;
using System.Text;

namespace KvStore.Commands;

/// <summary>Finds a command by its name's bytes, in any case, without a string: the first eight bytes are hashed as one word.</summary>
internal sealed class CommandTable
{
    private const int Size = 256;
    private const ulong UpperMask = 0xDFDF_DFDF_DFDF_DFDF;

    private readonly ulong[] _words = new ulong[Size];
    private readonly byte[][] _names = new byte[Size][];
    private readonly Command?[] _commands = new Command?[Size];

    public CommandTable(IReadOnlyList<Command> commands)
    {
        All = commands;
        foreach (Command command in commands)
        {
            byte[] name = Encoding.ASCII.GetBytes(command.Name[(command.Name.IndexOf('|', StringComparison.Ordinal) + 1)..]);
            ulong word = Word(name);
            int at = Slot(word, name.Length);
            while (_commands[at] is not null)
            {
                at = (at + 1) % Size;
            }

            _words[at] = word;
            _names[at] = name;
            _commands[at] = command;
        }
    }

    public IReadOnlyList<Command> All { get; }

    public Command? Find(ReadOnlySpan<byte> name)
    {
        ulong word = Word(name);
        for (int at = Slot(word, name.Length); ; at = (at + 1) % Size)
        {
            Command? command = _commands[at];
            if (command is null)
            {
                return null;
            }

            // Eight bytes under the mask say all about letters; anything else, and what is behind the eight, is compared.
            if (_words[at] == word && _names[at].Length == name.Length && Ascii.EqualsIgnoreCase(name, _names[at]))
            {
                return command;
            }
        }
    }

    private static int Slot(ulong word, int length) => (int)(((word + (ulong)length) * 0x9E37_79B9_7F4A_7C15) >> 56);

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
