using KvStore.Memory;
using KvStore.Protocol;

namespace KvStore.Replication;

/// <summary>
/// What replicas have to do for the change that is being made, as commands: SELECT goes before where the database is
/// another one, and several of them go as one transaction.
/// </summary>
internal sealed class Effects : IDisposable
{
    private const int NoDatabase = -1;

    private readonly GrowingBuffer _bytes = new();
    private readonly GrowingBuffer _whole = new();
    private int _selected = NoDatabase;
    private int _before = NoDatabase;

    /// <summary>How many commands there are.</summary>
    public int Count { get; private set; }

    /// <summary>A place to go back to.</summary>
    public (int Count, int Length, int Selected) Mark => (Count, _bytes.Length, _selected);

    /// <summary>Drops what was added since.</summary>
    public void CutTo((int Count, int Length, int Selected) mark)
    {
        (Count, int length, _selected) = mark;
        _bytes.CutTo(length);
    }

    /// <summary>Begins a command; as many arguments as it has, its name included, are added next.</summary>
    public void Begin(int database, int arguments)
    {
        if (_selected != database)
        {
            _selected = database;
            Header('*', 2);
            Argument("SELECT"u8);
            Argument(database);
        }

        Count++;
        Header('*', arguments);
    }

    /// <summary>Adds an argument.</summary>
    public void Argument(ReadOnlySpan<byte> bytes)
    {
        Header('$', bytes.Length);
        bytes.CopyTo(_bytes.Append(bytes.Length));
        "\r\n"u8.CopyTo(_bytes.Append(2));
    }

    /// <inheritdoc cref="Argument(ReadOnlySpan{byte})"/>
    public void Argument(long number)
    {
        Span<byte> text = stackalloc byte[Numbers.MaxIntegerLength];
        Argument(text[..Numbers.Format(number, text)]);
    }

    /// <inheritdoc cref="Argument(ReadOnlySpan{byte})"/>
    public void Argument(StreamId id)
    {
        Span<byte> text = stackalloc byte[StreamId.LongestText];
        Argument(text[..id.Format(text)]);
    }

    /// <summary>Adds a command whose key is all that it has.</summary>
    public void OfKey(int database, ReadOnlySpan<byte> name, ReadOnlySpan<byte> key)
    {
        Begin(database, 2);
        Argument(name);
        Argument(key);
    }

    /// <summary>Adds a command as it came.</summary>
    public void Verbatim(int database, Arguments args)
    {
        Begin(database, args.Count);
        for (int i = 0; i < args.Count; i++)
        {
            Argument(args[i]);
        }
    }

    /// <summary>Adds a command that has no database.</summary>
    public void Raw(ReadOnlySpan<byte> command)
    {
        Count++;
        command.CopyTo(_bytes.Append(command.Length));
    }

    /// <summary>All of it, for the history. Good until the next change.</summary>
    public ReadOnlySpan<byte> Whole()
    {
        if (Count <= 1)
        {
            return _bytes.Span;
        }

        _whole.CutTo(0);
        Append("*1\r\n$5\r\nMULTI\r\n"u8);
        Append(_bytes.Span);
        Append("*1\r\n$4\r\nEXEC\r\n"u8);
        return _whole.Span;
    }

    /// <summary>The change is made, and recorded.</summary>
    public void Done()
    {
        _before = _selected;
        Clear();
    }

    /// <summary>The change was taken back.</summary>
    public void Drop()
    {
        _selected = _before;
        Clear();
    }

    /// <summary>A replica comes that knows of no database yet.</summary>
    public void ForgetDatabase() => _selected = _before = NoDatabase;

    public void Dispose()
    {
        _bytes.Dispose();
        _whole.Dispose();
    }

    private void Clear()
    {
        Count = 0;
        Clear(_bytes);
        Clear(_whole);
    }

    // A large one is rare.
    private static void Clear(GrowingBuffer buffer)
    {
        if (buffer.Capacity > 1 << 20)
        {
            buffer.Dispose();
        }

        buffer.CutTo(0);
    }

    private void Append(ReadOnlySpan<byte> bytes) => bytes.CopyTo(_whole.Append(bytes.Length));

    private void Header(char kind, int count)
    {
        Span<byte> text = stackalloc byte[Numbers.MaxIntegerLength + 3];
        text[0] = (byte)kind;
        int length = 1 + Numbers.Format(count, text[1..]);
        text[length++] = (byte)'\r';
        text[length++] = (byte)'\n';
        text[..length].CopyTo(_bytes.Append(length));
    }
}
