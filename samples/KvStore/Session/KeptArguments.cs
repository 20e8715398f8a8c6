using KvStore.Protocol;

namespace KvStore.Session;

/// <summary>A copy of a command's arguments, for later.</summary>
internal sealed class KeptArguments
{
    /// <summary>Two arrays, and what has them.</summary>
    private const int Overhead = 96;

    private readonly byte[] _bytes;
    private readonly Slice[] _slices;

    public KeptArguments(Arguments args)
    {
        _slices = new Slice[args.Count];
        int length = 0;
        for (int i = 0; i < args.Count; i++)
        {
            _slices[i] = new Slice(length, args[i].Length);
            length += args[i].Length;
        }

        _bytes = new byte[length];
        for (int i = 0; i < args.Count; i++)
        {
            args[i].CopyTo(_bytes.AsSpan(_slices[i].Start));
        }
    }

    /// <summary>What they take, roughly.</summary>
    public long Bytes => Overhead + _bytes.Length + ((long)_slices.Length * 2 * sizeof(int));

    public Arguments Arguments => new(_bytes, _slices);
}
