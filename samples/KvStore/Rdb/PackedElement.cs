using KvStore.Protocol;

namespace KvStore.Rdb;

/// <summary>An element of a packed collection: bytes, or a number that stands for its decimal.</summary>
internal readonly ref struct PackedElement
{
    private readonly ReadOnlySpan<byte> _bytes;
    private readonly long _number;
    private readonly bool _isNumber;

    public PackedElement(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    public PackedElement(long number)
    {
        _number = number;
        _isNumber = true;
    }

    /// <summary>Its bytes; a decimal is written into the scratch first.</summary>
    /// <param name="scratch">Of <see cref="Numbers.MaxIntegerLength"/> bytes.</param>
    public ReadOnlySpan<byte> Text(Span<byte> scratch) =>
        _isNumber ? scratch[..Numbers.Format(_number, scratch)] : _bytes;

    /// <summary>The number that it is, as bytes or as such.</summary>
    public long Number()
    {
        long number = _number;
        return _isNumber || Numbers.TryParse(_bytes, out number)
            ? number
            : throw new RdbFormatException("An element is no number.");
    }
}

/// <summary>
/// Goes through elements that lie in one string. It reads nothing outside of it, and throws
/// <see cref="RdbFormatException"/> where the string is not whole.
/// </summary>
internal interface IPackedReader
{
    /// <summary>The element that it stands at; good as long as the string.</summary>
    PackedElement Current { get; }

    /// <summary>False behind the last one.</summary>
    bool MoveNext();
}
