using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace KvStore.Protocol;

/// <summary>
/// Writes replies in RESP2 or RESP3 into a <see cref="PipeWriter"/>, allocating nothing. One a connection; not
/// thread-safe.
/// </summary>
/// <remarks>
/// Works in the pipe's present block of memory and tells the pipe (<see cref="PipeWriter.Advance"/>) only when the
/// block is full or at <see cref="Commit"/>. What was written since the last of these can be taken back:
/// <see cref="Rewind"/>. The pipe's memory must not move.
/// </remarks>
internal sealed unsafe class RespWriter(PipeWriter pipe)
{
    /// <summary>What a number or a header of a reply takes at most: a type byte, a 64-bit decimal, CRLF.</summary>
    public const int HeaderLength = 24;

    private const int LargeLength = 32 * 1024;

    private byte* _block;
    private int _at;
    private int _end;
    private long _committed;

    /// <summary>True after HELLO 3.</summary>
    public bool Resp3 { get; set; }

    /// <summary>True where what is written is thrown away. Changed right after <see cref="Commit"/>.</summary>
    public bool IsMuted { get; set; }

    /// <summary>Bytes written that are not flushed yet.</summary>
    public long Pending => pipe.UnflushedBytes + _at;

    /// <summary>Error replies written, for the statistics: those that were not counted before.</summary>
    public long Errors { get; private set; }

    /// <summary>Error replies written, all of them.</summary>
    public long AllErrors { get; private set; }

    /// <summary>Where they are counted by their codes; null for nowhere.</summary>
    public ErrorCodes? Codes { get; init; }

    /// <summary>A place to <see cref="Rewind"/> to.</summary>
    public long Position => _committed + _at;

    /// <summary>
    /// Takes back what was written since <paramref name="position"/>; false where some of it is committed already.
    /// </summary>
    public bool Rewind(long position)
    {
        long at = position - _committed;
        if (at < 0)
        {
            return false;
        }

        _at = (int)at;
        return true;
    }

    /// <summary>Hands everything written to the pipe. The caller flushes the pipe then.</summary>
    public void Commit()
    {
        if (_at > 0 && !IsMuted)
        {
            pipe.Advance(_at);
        }

        Drop();
    }

    /// <summary>Keeps what was written, and throws away what is written from now on.</summary>
    public void Mute()
    {
        Commit();
        IsMuted = true;
    }

    /// <summary>Ends <see cref="Mute"/>.</summary>
    public void Unmute()
    {
        Commit();
        IsMuted = false;
    }

    public void Simple(ReadOnlySpan<byte> text) => Line((byte)'+', text);

    public void Ok() => Raw("+OK\r\n"u8);

    /// <summary>An error, its code included ("ERR …"). Line breaks in it become spaces.</summary>
    public void Error(ReadOnlySpan<byte> message)
    {
        Errors++;
        Codes?.Count(message);
        UncountedError(message);
    }

    /// <summary>An error that was counted before.</summary>
    public void UncountedError(ReadOnlySpan<byte> message)
    {
        AllErrors++;
        Line((byte)'-', message);
        Span<byte> written = new(_block + _at - message.Length - 2, message.Length);
        written.Replace((byte)'\r', (byte)' ');
        written.Replace((byte)'\n', (byte)' ');
    }

    /// <inheritdoc cref="Error(ReadOnlySpan{byte})"/>
    /// <remarks>A character is a byte, so that what a client sent comes back as it was.</remarks>
    public void Error(string message) => Error(Encoding.Latin1.GetBytes(message));

    public void Integer(long value)
    {
        if ((ulong)value < 10)
        {
            Span<byte> to = Take(4);
            to[3] = (byte)'\n';
            to[2] = (byte)'\r';
            to[1] = (byte)('0' + value);
            to[0] = (byte)':';
            return;
        }

        Header((byte)':', value);
    }

    public void Bulk(ReadOnlySpan<byte> value)
    {
        if (value.Length >= LargeLength)
        {
            LargeBulk(value);
            return;
        }

        Ensure(value.Length + HeaderLength + 2);
        Header((byte)'$', value.Length);
        value.CopyTo(new Span<byte>(_block + _at, value.Length));
        _at += value.Length;
        Break();
    }

    /// <summary>A bulk string of so many bytes, which its source gives piece after piece.</summary>
    public void Bulk<TSource>(long length, ref TSource source)
        where TSource : struct, IBulkSource
    {
        Header((byte)'$', length);
        Commit();
        while (length > 0 && !IsMuted)
        {
            Span<byte> room = pipe.GetSpan(1);
            Span<byte> piece = room[..(int)Math.Min(room.Length, length)];
            source.Read(piece);
            pipe.Advance(piece.Length);
            _committed += piece.Length;
            length -= piece.Length;
        }

        Raw("\r\n"u8);
    }

    public void Bulk(string value) => Bulk(Encoding.UTF8.GetBytes(value));

    /// <summary>An integer as a bulk string.</summary>
    public void BulkInteger(long value)
    {
        Span<byte> digits = stackalloc byte[Numbers.MaxIntegerLength];
        Bulk(digits[..Numbers.Format(value, digits)]);
    }

    /// <summary>Text that is meant for people: a verbatim string in RESP3.</summary>
    public void Verbatim(string text) => Verbatim("txt", Encoding.UTF8.GetBytes(text));

    /// <summary>The same in a format, which has three letters.</summary>
    public void Verbatim(string format, ReadOnlySpan<byte> bytes)
    {
        if (!Resp3)
        {
            Bulk(bytes);
            return;
        }

        Header((byte)'=', bytes.Length + 4);
        Raw(Encoding.Latin1.GetBytes($"{format,-3}"[..3]));
        Raw(":"u8);
        Raw(bytes);
        Raw("\r\n"u8);
    }

    public void Null() => Raw(Resp3 ? "_\r\n"u8 : "$-1\r\n"u8);

    public void NullArray() => Raw(Resp3 ? "_\r\n"u8 : "*-1\r\n"u8);

    public void Array(long count) => Header((byte)'*', count);

    /// <summary>A map of so many pairs; in RESP2 an array of twice as many.</summary>
    public void Map(long pairs) => Header(Resp3 ? (byte)'%' : (byte)'*', Resp3 ? pairs : pairs * 2);

    public void Set(long count) => Header(Resp3 ? (byte)'~' : (byte)'*', count);

    /// <summary>What a client has not asked for, or what is no reply to it; in RESP2 an array.</summary>
    public void Push(long count) => Header(Resp3 ? (byte)'>' : (byte)'*', count);

    /// <summary>Bytes as they are.</summary>
    public void Raw(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length >= LargeLength)
        {
            Large(bytes);
            return;
        }

        bytes.CopyTo(Take(bytes.Length));
    }

    /// <summary>Makes room for so many bytes in one piece.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Ensure(int length)
    {
        if (_end - _at < length)
        {
            NextBlock(length);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Span<byte> Take(int length)
    {
        Ensure(length);
        var taken = new Span<byte>(_block + _at, length);
        _at += length;
        return taken;
    }

    private void Line(byte type, ReadOnlySpan<byte> text)
    {
        Span<byte> to = Take(text.Length + 3);
        to[0] = type;
        text.CopyTo(to[1..]);
        to[^2] = (byte)'\r';
        to[^1] = (byte)'\n';
    }

    private void Header(byte type, long value)
    {
        Ensure(HeaderLength);
        _block[_at++] = type;
        _at += Numbers.Format(value, new Span<byte>(_block + _at, _end - _at));
        Break();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Break()
    {
        _block[_at + 1] = (byte)'\n';
        _block[_at] = (byte)'\r';
        _at += 2;
    }

    private void LargeBulk(ReadOnlySpan<byte> value)
    {
        Header((byte)'$', value.Length);
        Large(value);
        Raw("\r\n"u8);
    }

    /// <summary>Copies once, straight into as many blocks as it takes.</summary>
    private void Large(ReadOnlySpan<byte> bytes)
    {
        Commit();
        while (!bytes.IsEmpty && !IsMuted)
        {
            Span<byte> room = pipe.GetSpan(1);
            int length = Math.Min(room.Length, bytes.Length);
            bytes[..length].CopyTo(room);
            pipe.Advance(length);
            _committed += length;
            bytes = bytes[length..];
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void NextBlock(int length)
    {
        Commit();
        Span<byte> block = pipe.GetSpan(length);
        _block = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(block));
        _end = block.Length;
    }

    private void Drop()
    {
        _committed += _at;
        _block = null;
        _at = _end = 0;
    }
}
