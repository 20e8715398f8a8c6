namespace GuestMemFs.LiveUpdate.Memory;

/// <summary>
/// A region as a stream: for what only knows how to write one. Begins at the region's first byte and has no more room
/// than the region.
/// </summary>
internal sealed class RegionStream(PersistentRegion region, long length) : Stream
{
    private long _position;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => true;

    /// <inheritdoc/>
    public override bool CanWrite => !region.IsReadOnly;

    /// <inheritdoc/>
    public override long Length => length;

    /// <inheritdoc/>
    public override long Position
    {
        get => _position;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, length);
            _position = value;
        }
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        int count = (int)Math.Min(buffer.Length, length - _position);
        region.AsSpan(_position, count).CopyTo(buffer);
        _position += count;
        return count;
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (buffer.Length > length - _position)
        {
            throw new IOException($"Region '{region.Name}' has room for {length} bytes, and there are more. Give the " +
                "plan a larger stateSize for this machine, and delete the region so that it is made anew.");
        }

        buffer.CopyTo(region.AsSpan(_position, buffer.Length));
        region.Flush(_position, buffer.Length);
        _position += buffer.Length;
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => _position + offset,
        _ => length + offset,
    };

    /// <inheritdoc/>
    public override void SetLength(long value) =>
        throw new NotSupportedException("A region's length is changed by PersistentRegion.Grow.");

    /// <inheritdoc/>
    public override void Flush()
    {
        // Each write flushes what it wrote.
    }
}
