using System.Text;

namespace KvStore.Protocol;

/// <summary>Where one argument lies in the buffer that its frame was parsed from.</summary>
internal readonly record struct Slice(int Start, int Length);

/// <summary>
/// A command and its arguments, where they lie in the input: nothing is copied. Valid until the input is advanced.
/// </summary>
internal readonly ref struct Arguments(ReadOnlySpan<byte> bytes, ReadOnlySpan<Slice> slices)
{
    /// <summary>An error's text repeats no more of an argument: it may have half a gigabyte.</summary>
    private const int LongestShown = 16 * 1024;

    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private readonly ReadOnlySpan<Slice> _slices = slices;

    /// <summary>The number of arguments, the command's name included.</summary>
    public int Count => _slices.Length;

    /// <summary>Bytes of the whole frame, about.</summary>
    public int Bytes => _slices.Length == 0 ? 0 : _slices[^1].Start + _slices[^1].Length - _slices[0].Start;

    public ReadOnlySpan<byte> this[int index]
    {
        get
        {
            Slice slice = _slices[index];
            return _bytes.Slice(slice.Start, slice.Length);
        }
    }

    /// <summary>The arguments from that one on.</summary>
    public Arguments From(int first) => new(_bytes, _slices[first..]);

    /// <summary>True where the argument is this word, in upper or lower case.</summary>
    public bool Is(int index, ReadOnlySpan<byte> word) => Ascii.EqualsIgnoreCase(this[index], word);

    /// <summary>True where one behind the first is this word.</summary>
    public bool Has(ReadOnlySpan<byte> word)
    {
        int at = 1;
        while (at < Count && !Is(at, word))
        {
            at++;
        }

        return at < Count;
    }

    /// <summary>The argument for an error's text: a byte is a character there.</summary>
    public string Shown(int index)
    {
        ReadOnlySpan<byte> argument = this[index];
        return Encoding.Latin1.GetString(argument[..Math.Min(argument.Length, LongestShown)]);
    }

    /// <summary>The argument as text, for names; bytes that are no UTF-8 are replaced.</summary>
    public string Text(int index) => Encoding.UTF8.GetString(this[index]);
}
