namespace KvStore.Engine;

/// <summary>
/// Where scans of large collections go on: a cursor's number stands for the next element's bytes. The last ones are
/// kept. A number that is not known any more, after a restart too, begins again: elements may come twice, and none is
/// missed.
/// </summary>
internal sealed class ScanCursors
{
    private const int Kept = 4096;

    private readonly Dictionary<ulong, byte[]> _cursors = [];
    private readonly Queue<ulong> _order = [];
    private ulong _next = ((ulong)Random.Shared.NextInt64() << 20 >> 2) | 1;

    /// <summary>Keeps a cursor; its number is never 0.</summary>
    public ulong Put(ReadOnlySpan<byte> next)
    {
        if (_order.Count == Kept)
        {
            _cursors.Remove(_order.Dequeue());
        }

        ulong number = _next++;
        _cursors[number] = next.ToArray();
        _order.Enqueue(number);
        return number;
    }

    /// <summary>The next element of a number; empty for the beginning. It stays: a client may ask twice.</summary>
    public ReadOnlySpan<byte> Take(ulong number) => _cursors.GetValueOrDefault(number);
}
