using System.Runtime.CompilerServices;
using System.Text;

namespace KvStore.Protocol;

internal enum ParseStatus
{
    /// <summary>
    /// The bytes so far are no whole frame; <see cref="RequestParser.Needed"/> says how many would be worth a look.
    /// </summary>
    NeedMore,

    /// <summary>A frame was parsed.</summary>
    Frame,

    /// <summary>The peer broke the protocol: tell it <see cref="RequestParser.Error"/> and close.</summary>
    Error,
}

/// <summary>
/// Finds request frames (RESP arrays of bulk strings, and inline commands) in a contiguous buffer, without copying.
/// </summary>
/// <remarks>
/// <para>Resumable: a frame that arrives in a thousand pieces is looked at once. While a frame is incomplete its start
/// must stay in the buffer; <see cref="Rebase"/> tells the parser how many bytes before it were dropped.</para>
/// <para>Limits and messages are those of Redis, its leniencies included: what stands in place of a bulk's final CRLF
/// is not checked.</para>
/// </remarks>
internal sealed class RequestParser(ProtocolLimits limits) : IDisposable
{
    /// <summary>Room for an inline command of so many bytes is kept.</summary>
    private const int KeptInline = 256;

    private SliceList _slices = new();
    private int _frameFirstSlice;
    private int _at;             // how far the frame in work was understood
    private int _remaining = -1; // arguments of the frame in work that are still to come; -1: no frame in work
    private long _bulkLength = -1;
    private byte[]? _inline;     // the unquoted bytes of an inline command

    /// <summary>
    /// After <see cref="ParseStatus.NeedMore"/>: the least length of the buffer with which parsing can go on.
    /// </summary>
    public int Needed { get; private set; }

    /// <summary>After <see cref="ParseStatus.Error"/>: the message, without its "ERR ".</summary>
    public string? Error { get; private set; }

    /// <summary>False until the client has said its password, where one is asked for.</summary>
    public bool Authenticated { get; set; } = true;

    /// <summary>Bytes that it keeps for the frame in work.</summary>
    public long KeptBytes => _remaining < 0 ? 0 : _slices.Capacity;

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        _slices.Dispose();
        _frameFirstSlice = 0;
    }

    /// <summary>Forgets the frames that were handed out.</summary>
    public void Clear()
    {
        if (_inline?.Length > KeptInline)
        {
            _inline = null;
        }

        if (_remaining < 0)
        {
            _slices.Clear();
        }
        else if (_frameFirstSlice > 0)
        {
            _slices.DropFirst(_frameFirstSlice);
        }

        _frameFirstSlice = 0;
    }

    /// <summary>Forgets all frames, the one in work too: they are parsed again.</summary>
    public void Restart()
    {
        _remaining = -1;
        _bulkLength = -1;
        Clear();
    }

    /// <summary>
    /// Tells that so many bytes were dropped from the front of the buffer. Call after <see cref="Clear"/>.
    /// </summary>
    public void Rebase(int dropped)
    {
        if (dropped == 0 || _remaining < 0)
        {
            return;
        }

        _at -= dropped;
        foreach (ref Slice slice in _slices.Span[.._slices.Count])
        {
            slice = new Slice(slice.Start - dropped, slice.Length);
        }
    }

    /// <summary>The arguments of a frame; the buffer is the one it was parsed from.</summary>
    public Arguments Arguments(ReadOnlySpan<byte> buffer, in Frame frame) =>
        new(frame.Inline ? _inline : buffer, _slices.Span.Slice(frame.FirstSlice, frame.Count));

    /// <summary>
    /// Parses the frame that starts at <paramref name="position"/>, and moves it behind the frame. Empty frames are
    /// skipped.
    /// </summary>
    public ParseStatus TryParse(ReadOnlySpan<byte> buffer, ref int position, out Frame frame)
    {
        frame = default;
        while (_remaining < 0)
        {
            if (position >= buffer.Length)
            {
                Needed = position + 1;
                return ParseStatus.NeedMore;
            }

            if (buffer[position] != (byte)'*')
            {
                ParseStatus inline = TryParseInline(buffer, ref position, out frame);
                if (inline == ParseStatus.Frame && frame.Count == 0)
                {
                    continue;
                }

                return inline;
            }

            if (!TryBeginArray(buffer, ref position, out ParseStatus refused))
            {
                return refused;
            }
        }

        return TryParseArguments(buffer, ref position, out frame);
    }

    /// <summary>Reads how many arguments follow; an array of none is passed over.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryBeginArray(ReadOnlySpan<byte> buffer, ref int position, out ParseStatus refused)
    {
        refused = ParseStatus.Frame;
        _at = position + 1;
        LineStatus line = ReadLength(buffer, ref _at, out long count);
        if (line == LineStatus.NeedMore)
        {
            refused = MoreOf(buffer, position, "Protocol error: too big mbulk count string");
            return false;
        }

        if (line == LineStatus.Bad || count > limits.MaxMultibulkLength)
        {
            refused = Fail("Protocol error: invalid multibulk length");
            return false;
        }

        if (!Authenticated && count > ProtocolLimits.UnauthenticatedMultibulkLength)
        {
            refused = Fail("Protocol error: unauthenticated multibulk length");
            return false;
        }

        if (count <= 0)
        {
            position = _at;
            return true;
        }

        _remaining = (int)count;
        _frameFirstSlice = _slices.Count;
        return true;
    }

    private ParseStatus TryParseArguments(ReadOnlySpan<byte> buffer, ref int position, out Frame frame)
    {
        frame = default;
        while (_remaining > 0)
        {
            if (_bulkLength < 0 && !TryReadBulkLength(buffer, out ParseStatus refused))
            {
                return refused;
            }

            long end = _at + _bulkLength + 2;
            if (end > buffer.Length)
            {
                Needed = (int)Math.Min(end, Array.MaxLength);
                return ParseStatus.NeedMore;
            }

            _slices.Add(new Slice(_at, (int)_bulkLength));
            _at = (int)end;
            _bulkLength = -1;
            _remaining--;
        }

        frame = new Frame(_frameFirstSlice, _slices.Count - _frameFirstSlice, Inline: false);
        _frameFirstSlice = _slices.Count;
        _remaining = -1;
        position = _at;
        return ParseStatus.Frame;
    }

    /// <summary>Reads how long the next argument is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryReadBulkLength(ReadOnlySpan<byte> buffer, out ParseStatus refused)
    {
        if (_at >= buffer.Length)
        {
            Needed = _at + 1;
            refused = ParseStatus.NeedMore;
            return false;
        }

        int at = _at + 1;
        LineStatus line = ReadLength(buffer, ref at, out long length);
        if (line == LineStatus.NeedMore)
        {
            refused = MoreOf(buffer, _at, "Protocol error: too big bulk count string");
            return false;
        }

        if (buffer[_at] != (byte)'$')
        {
            refused = Fail($"Protocol error: expected '$', got '{Printable(buffer[_at])}'");
            return false;
        }

        if (line == LineStatus.Bad || length < 0 || length > limits.MaxBulkLength)
        {
            refused = Fail("Protocol error: invalid bulk length");
            return false;
        }

        if (!Authenticated && length > ProtocolLimits.UnauthenticatedBulkLength)
        {
            refused = Fail("Protocol error: unauthenticated bulk length");
            return false;
        }

        _at = at;
        _bulkLength = length;
        refused = ParseStatus.Frame;
        return true;
    }

    private ParseStatus TryParseInline(ReadOnlySpan<byte> buffer, ref int position, out Frame frame)
    {
        frame = default;
        ReadOnlySpan<byte> rest = buffer[position..];
        int end = rest.IndexOf((byte)'\n');
        if (end < 0)
        {
            return MoreOf(buffer, position, "Protocol error: too big inline request");
        }

        ReadOnlySpan<byte> line = end > 0 && rest[end - 1] == (byte)'\r' ? rest[..(end - 1)] : rest[..end];
        _frameFirstSlice = _slices.Count;
        if (_inline is null || _inline.Length < line.Length)
        {
            _inline = new byte[Math.Max(KeptInline, line.Length)];
        }

        if (!InlineSplitter.TrySplit(line, _inline, ref _slices))
        {
            return Fail("Protocol error: unbalanced quotes in request");
        }

        frame = new Frame(_frameFirstSlice, _slices.Count - _frameFirstSlice, Inline: true);
        _frameFirstSlice = _slices.Count;
        position += end + 1;
        return ParseStatus.Frame;
    }

    private ParseStatus MoreOf(ReadOnlySpan<byte> buffer, int start, string tooLong)
    {
        if (buffer.Length - start > limits.MaxInlineLength)
        {
            return Fail(tooLong);
        }

        Needed = buffer.Length + 1;
        return ParseStatus.NeedMore;
    }

    private ParseStatus Fail(string error)
    {
        Error = error;
        return ParseStatus.Error;
    }

    private static string Printable(byte b) => Encoding.Latin1.GetString([b]);

    private enum LineStatus
    {
        NeedMore,
        Good,
        Bad,
    }

    /// <summary>Reads a decimal and its CRLF; <paramref name="at"/> moves behind them where they are good.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static LineStatus ReadLength(ReadOnlySpan<byte> buffer, ref int at, out long value)
    {
        // One or two digits and the CRLF: nearly every line there is.
        if (at + 4 <= buffer.Length)
        {
            int first = buffer[at] - '0';
            int second = buffer[at + 1] - '0';
            if ((uint)first <= 9 && first != 0)
            {
                if (second == '\r' - '0')
                {
                    value = first;
                    at += 3;
                    return LineStatus.Good;
                }

                if ((uint)second <= 9 && buffer[at + 2] == '\r')
                {
                    value = (first * 10) + second;
                    at += 4;
                    return LineStatus.Good;
                }
            }
        }

        return ReadLongLength(buffer, ref at, out value);
    }

    private static LineStatus ReadLongLength(ReadOnlySpan<byte> buffer, ref int at, out long value)
    {
        value = 0;
        if (at > buffer.Length)
        {
            return LineStatus.NeedMore;
        }

        int end = buffer[at..].IndexOf((byte)'\r');
        if (end < 0 || at + end + 2 > buffer.Length)
        {
            return LineStatus.NeedMore;
        }

        if (!Numbers.TryParse(buffer.Slice(at, end), out value))
        {
            return LineStatus.Bad;
        }

        at += end + 2;
        return LineStatus.Good;
    }
}

/// <summary>A parsed frame: which of the parser's slices are its arguments.</summary>
internal readonly record struct Frame(int FirstSlice, int Count, bool Inline);
