using System.Runtime.InteropServices;
using KvStore.Protocol;

namespace KvStore.Session;

/// <summary>The commands between MULTI and EXEC: their bytes one behind the other.</summary>
internal sealed class TransactionQueue
{
    private const int SliceLength = 8;

    private readonly List<(int First, int Count)> _commands = [];
    private readonly List<Slice> _slices = [];
    private byte[] _bytes = new byte[256];
    private int _used;

    /// <summary>True after a command that was refused: EXEC will not run.</summary>
    public bool Spoiled { get; private set; }

    public int Count => _commands.Count;

    /// <summary>Bytes held: arguments, and where each of them and each command begins.</summary>
    public long Bytes => _used + (SliceLength * ((long)_slices.Count + _commands.Count));

    /// <summary>How many keys the commands change at most, as far as their arguments say: each argument of one that writes may be a key.</summary>
    public int MostChanges { get; private set; }

    public void Spoil() => Spoiled = true;

    public void Enqueue(Arguments args, bool writes)
    {
        _commands.Add((_slices.Count, args.Count));
        MostChanges += writes ? args.Count : 0;
        for (int i = 0; i < args.Count; i++)
        {
            ReadOnlySpan<byte> arg = args[i];
            if (_used + arg.Length > _bytes.Length)
            {
                Array.Resize(ref _bytes, (int)Math.Min(Array.MaxLength, Math.Max((long)_used + arg.Length, _bytes.Length * 2L)));
            }

            arg.CopyTo(_bytes.AsSpan(_used));
            _slices.Add(new Slice(_used, arg.Length));
            _used += arg.Length;
        }
    }

    public Arguments ArgumentsAt(int index)
    {
        (int first, int count) = _commands[index];
        return new Arguments(_bytes.AsSpan(0, _used), CollectionsMarshal.AsSpan(_slices).Slice(first, count));
    }
}
