namespace GuestMemFs.Dumps;

/// <summary>Writes a dump's header and blocks into a stream. For one thread.</summary>
internal sealed class DumpWriter
{
    private readonly Stream _to;
    private readonly byte[] _buffer = new byte[DumpBlock.Bytes + DumpHeader.BlockBytes];
    private readonly uint _seed;

    public DumpWriter(Stream to, DumpHeader header)
    {
        _to = to;
        _seed = header.WriteTo(_buffer);
        _to.Write(_buffer, 0, DumpHeader.Bytes);
        Written = DumpHeader.Bytes;
    }

    /// <summary>The dump's bytes so far.</summary>
    public long Written { get; private set; }

    /// <summary>Where the next block's bytes are to be put: as many as asked for, 1 MiB at most.</summary>
    public Span<byte> Data(long length) => _buffer.AsSpan(DumpBlock.Bytes, (int)length);

    /// <summary>Writes the region's first bytes as blocks, in order.</summary>
    /// <param name="length">How many bytes.</param>
    /// <param name="read">Copies the bytes from an offset on.</param>
    /// <param name="progress">Is told after each block.</param>
    /// <param name="cancellationToken">Ends it between two blocks.</param>
    public void WriteBlocks(
        long length, Action<long, Span<byte>> read, IProgress<DumpProgress>? progress,
        CancellationToken cancellationToken)
    {
        foreach ((long at, int part) in Parts(0, length))
        {
            cancellationToken.ThrowIfCancellationRequested();
            read(at, Data(part));
            WriteBlock(at, part);
            progress?.Report(new DumpProgress(at + part, length));
        }
    }

    /// <summary>A range in pieces that each fit a block.</summary>
    public static IEnumerable<(long At, int Length)> Parts(long from, long length)
    {
        for (long done = 0; done < length; done += DumpHeader.BlockBytes)
        {
            yield return (from + done, (int)Math.Min(DumpHeader.BlockBytes, length - done));
        }
    }

    /// <summary>Writes what was put into <see cref="Data"/> as a block: nothing of it where it is zeros.</summary>
    private void WriteBlock(long at, int length) => Write((ulong)(at / DumpHeader.BlockBytes),
        Data(length).IndexOfAnyExcept((byte)0) < 0 ? 0 : length);

    /// <summary>Writes what was put into <see cref="Data"/> as pages that a block before has as they were.</summary>
    public void WritePages(long at, int length) => Write(DumpBlock.Pages | (ulong)(at / PageBytes), length);

    /// <summary>Ends the dump.</summary>
    public void End() => Write(DumpBlock.End, 0);

    /// <summary>Ends a dump of version 2.</summary>
    public void End(in DumpTrailer trailer)
    {
        trailer.WriteTo(Data(DumpTrailer.Bytes));
        Write(DumpBlock.End, DumpTrailer.Bytes);
    }

    /// <summary>The unit of what is copied again.</summary>
    public const int PageBytes = 4096;

    private void Write(ulong index, int length)
    {
        DumpBlock.Of(index, Data(length), _seed).WriteTo(_buffer);
        _to.Write(_buffer, 0, DumpBlock.Bytes + length);
        Written += DumpBlock.Bytes + length;
    }
}
