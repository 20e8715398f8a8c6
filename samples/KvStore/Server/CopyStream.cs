namespace KvStore.Server;

/// <summary>The bytes of a copy of all keys as a master sends them, to be read once. While they are read the master is
/// given a sign each second.</summary>
internal sealed class CopyStream(MasterSocket socket) : Stream
{
    private long _signed = Environment.TickCount64;

    /// <summary>How many were read.</summary>
    public long Count { get; private set; }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException("Its end is found when it is read.");

    public override long Position
    {
        get => Count;
        set => throw new NotSupportedException("It is read once.");
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        long now = Environment.TickCount64;
        if (now - _signed >= 1000)
        {
            _signed = now;
            socket.SendRaw("\n"u8);
        }

        int read = socket.Read(buffer);
        Count += read;
        return read;
    }

    public override void Flush()
    {
        // It is only read.
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("It is read once.");

    public override void SetLength(long value) => throw new NotSupportedException("It is only read.");

    public override void Write(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException("It is only read.");
}
