using GuestMemFs;

namespace KvStore.Engine;

/// <summary>
/// Goes through the fields of a <see cref="FieldMap"/> that have not expired. The map must not change meanwhile.
/// </summary>
internal ref struct FieldCursor
{
    private readonly SortedMapCursor? _large;
    private readonly PackedPieces? _packed;
    private readonly int _pieces;
    private readonly long _now;
    private int _at;

    /// <param name="large">The entries.</param>
    /// <param name="now">Fields of this time and before have expired.</param>
    public FieldCursor(SortedMapCursor large, long now)
    {
        _large = large;
        _now = now;
    }

    /// <param name="packed">The pieces, of which none has expired.</param>
    /// <param name="pieces">How many a field has.</param>
    public FieldCursor(PackedPieces packed, int pieces)
    {
        _packed = packed;
        _pieces = pieces;
        _at = PackedPieces.Start;
    }

    public ReadOnlySpan<byte> Field { get; private set; }

    public ReadOnlySpan<byte> Value { get; private set; }

    /// <summary>When the field expires.</summary>
    public long Time { get; private set; }

    public bool MoveNext()
    {
        while (_large is not null && _large.MoveNext())
        {
            SortedEntry entry = _large.Current;
            Field = entry.Key;
            Value = FieldTimes.ValueIn(entry.Value, entry.Type, out long time);
            Time = time;
            if (time == FieldTimes.Never || time > _now)
            {
                return true;
            }
        }

        if (_packed is null || _at >= _packed.End)
        {
            return false;
        }

        Field = _packed.Read(ref _at);
        Value = _pieces > 1 ? _packed.Read(ref _at) : default;
        if (_pieces > 2)
        {
            ReadOnlySpan<byte> time = _packed.Read(ref _at);
            Time = time.IsEmpty ? FieldTimes.Never : FieldTimes.Of(time);
        }

        return true;
    }
}
