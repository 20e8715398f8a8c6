using System.Globalization;

namespace GuestMemFs.Collections;

/// <summary>
/// Copies of neighbouring entries, and where to go on behind them: what a cursor has in its hands. The bound is a key,
/// not a place, so that changes between two looks do not matter.
/// </summary>
internal sealed class SortedBatch
{
    private const int MaximumBytes = 1 << 16;

    private readonly Entry[] _entries;
    private readonly byte[]? _end;
    private readonly int _limit;
    private byte[] _bytes;
    private int _used;
    private int _count;
    private byte[] _bound;
    private int _boundLength;
    private byte[] _next = [];
    private int _nextLength;
    private NextStep _step;
    private int _lastKey;
    private int _lastKeyLength;
    private TreePath _path;
    private ulong _pathVersion;
    private bool _leadsOn;

    /// <param name="start">Where it begins; for a way down, none for the last key.</param>
    /// <param name="includesStart">Whether that key is part of it.</param>
    /// <param name="end">The first key that is not part of it on the way up, the last one that is on the way down; none
    /// for all.</param>
    /// <param name="descends">Which way.</param>
    /// <param name="limit">The most entries at a time.</param>
    public SortedBatch(byte[]? start, bool includesStart, byte[]? end, bool descends, int limit = SlotOrder.Slots)
    {
        _bound = start ?? [];
        _boundLength = _bound.Length;
        _end = end;
        _limit = limit;
        _entries = new Entry[limit];
        _bytes = new byte[limit == 1 ? 128 : 1024];
        Descends = descends;
        IncludesBound = includesStart;
        Way = !descends ? Way.To : start is null ? Way.Last : includesStart ? Way.To : Way.Below;
    }

    private enum NextStep
    {
        BehindLastEntry,
        AtNext,
        End,
    }

    private readonly record struct Entry(int Key, int KeyLength, int ValueLength, long ExpiresAt, RecordType Type);

    /// <summary>Whether entries that have expired are among them.</summary>
    public bool KeepsExpired { get; set; }

    /// <summary>True where only keys are copied, and how long the values are.</summary>
    public bool OmitsValues { get; init; }

    /// <summary>How many bytes of each key are a section's prefix, and not shown.</summary>
    public int SharedLength { get; init; }

    public bool Descends { get; }

    public Way Way { get; private set; }

    public bool IncludesBound { get; private set; }

    public ReadOnlySpan<byte> Bound => _bound.AsSpan(0, _boundLength);

    /// <summary>True where nothing comes behind these entries.</summary>
    public bool IsEnded { get; private set; }

    public int Count => _count;

    /// <summary>The way to the leaf that was copied last.</summary>
    public ref TreePath Path => ref _path;

    /// <summary>True where it copies whole leaves, and more than one as a rule.</summary>
    public bool TakesLeaves => _limit >= SlotOrder.Slots;

    public bool HasRoom => _count < _limit && _used < MaximumBytes;

    public ReadOnlySpan<byte> Key(int index) => _bytes.AsSpan(_entries[index].Key, _entries[index].KeyLength);

    public ReadOnlySpan<byte> Value(int index) =>
        _bytes.AsSpan(_entries[index].Key + _entries[index].KeyLength, _entries[index].ValueLength);

    public int ValueLength(int index) => _entries[index].ValueLength;

    public long ExpiresAt(int index) => _entries[index].ExpiresAt;

    public RecordType Type(int index) => _entries[index].Type;

    public bool HasEnd => _end is not null;

    /// <summary>True for a key that is no more part of the range.</summary>
    public bool IsBeyond(ReadOnlySpan<byte> key) =>
        _end is not null && (Descends ? key.SequenceCompareTo(_end) < 0 : key.SequenceCompareTo(_end) >= 0);

    /// <summary>Forgets its entries, and what was noted of those behind them.</summary>
    public void Clear()
    {
        _count = 0;
        _used = 0;
        _step = NextStep.BehindLastEntry;
    }

    /// <summary>Copies an entry; of one that has expired the key alone, as what the next ones come behind.</summary>
    public unsafe void Add(byte* record, ulong header, bool hasExpired)
    {
        int keyLength = RecordFormat.KeyLength(header);
        bool isInteger = (RecordFormat.Flags(header) & RecordFormat.IsInteger) != 0;
        bool isPart = !hasExpired || KeepsExpired;
        int valueLength = isPart && !isInteger ? RecordFormat.ValueLength(header) : 0;
        _lastKey = _used;
        _lastKeyLength = keyLength;
        int copied = keyLength + (OmitsValues ? 0 : valueLength);
        Append(new ReadOnlySpan<byte>(record + RecordFormat.KeyOffset(header), copied));
        if (isPart)
        {
            valueLength += isInteger && !OmitsValues ? AppendInteger(RecordView.Of(record, header).Integer) : 0;
            _entries[_count++] = new Entry(
                _lastKey, keyLength, valueLength, RecordFormat.ExpiresAt(record, header), (RecordType)(byte)header);
        }
    }

    /// <summary>
    /// True where what comes next is the leaf beside the last one, and under this version of the tree the way to that
    /// one still stands. It leads on once: what comes next may be looked at again, and is then found by the bound.
    /// </summary>
    public bool LeadsOn(ulong version)
    {
        bool leadsOn = _leadsOn && _pathVersion == version;
        _leadsOn = false;
        return leadsOn;
    }

    /// <summary>Notes that no entry of the range comes behind these.</summary>
    public void NoteEnd() => _step = NextStep.End;

    /// <summary>Notes the fence behind these entries; on the way down, an empty one has nothing below it.</summary>
    public void NoteNext(ReadOnlySpan<byte> fence)
    {
        if (Descends && fence.IsEmpty)
        {
            NoteEnd();
            return;
        }

        _step = NextStep.AtNext;
        _nextLength = fence.Length;
        Grow(ref _next, _nextLength, 0);
        fence.CopyTo(_next);
    }

    /// <summary>Goes on behind these entries with the next look: they count.</summary>
    public void Take(ulong version)
    {
        _leadsOn = _step == NextStep.AtNext;
        _pathVersion = version;
        switch (_step)
        {
            case NextStep.End:
                IsEnded = true;
                break;
            case NextStep.AtNext:
                (_bound, _next, _boundLength) = (_next, _bound, _nextLength);
                IncludesBound = !Descends;
                Way = Descends ? Way.Below : Way.To;
                IsEnded = !Descends && IsBeyond(Bound);
                break;
            default:
                Grow(ref _bound, _lastKeyLength, 0);
                _bytes.AsSpan(_lastKey, _lastKeyLength).CopyTo(_bound);
                _boundLength = _lastKeyLength;
                IncludesBound = false;
                Way = Descends ? Way.Below : Way.To;
                break;
        }
    }

    private int AppendInteger(long value)
    {
        Span<byte> digits = stackalloc byte[20];
        value.TryFormat(digits, out int length, default, CultureInfo.InvariantCulture);
        Append(digits[..length]);
        return length;
    }

    private static void Grow(ref byte[] bytes, int length, int used)
    {
        if (length > bytes.Length)
        {
            byte[] larger = new byte[Math.Max((long)length, Math.Min(2L * bytes.Length, Array.MaxLength))];
            bytes.AsSpan(0, used).CopyTo(larger);
            bytes = larger;
        }
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        Grow(ref _bytes, checked(_used + bytes.Length), _used);
        bytes.CopyTo(_bytes.AsSpan(_used));
        _used += bytes.Length;
    }
}
