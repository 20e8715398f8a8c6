using KvStore.Memory;
using KvStore.Protocol;

namespace KvStore.Session;

/// <summary>The commands between MULTI and EXEC: their bytes one behind the other.</summary>
internal sealed class TransactionQueue : IDisposable
{
    private readonly GrowingBuffer _commands = new();
    private readonly GrowingBuffer _slices = new();
    private readonly GrowingBuffer _bytes = new();

    /// <summary>True after a command that was refused: EXEC will not run.</summary>
    public bool Spoiled { get; private set; }

    public int Count => _commands.Values<Slice>().Length;

    /// <summary>Bytes of memory held: arguments, and where each of them and each command begins.</summary>
    public long Bytes => (long)_bytes.Capacity + _slices.Capacity + _commands.Capacity;

    /// <summary>
    /// How many keys the commands change at most, as far as their arguments say: each argument of one that writes may
    /// be a key.
    /// </summary>
    public int MostChanges { get; private set; }

    /// <summary>Of all commands.</summary>
    public QueuedEffects Effects { get; private set; }

    public void Spoil() => Spoiled = true;

    public void Enqueue(Arguments args, QueuedEffects effects)
    {
        _commands.Add(new Slice(_slices.Values<Slice>().Length, args.Count));
        MostChanges += effects.HasFlag(QueuedEffects.Changes) ? args.Count : 0;
        Effects |= effects;
        for (int i = 0; i < args.Count; i++)
        {
            ReadOnlySpan<byte> arg = args[i];
            _slices.Add(new Slice(_bytes.Length, arg.Length));
            arg.CopyTo(_bytes.Append(arg.Length));
        }
    }

    public Arguments ArgumentsAt(int index)
    {
        Slice command = _commands.Values<Slice>()[index];
        Span<Slice> slices = _slices.Values<Slice>();
        return new Arguments(_bytes.Span, slices.Slice(command.Start, command.Length));
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        _commands.Dispose();
        _slices.Dispose();
        _bytes.Dispose();
    }
}
