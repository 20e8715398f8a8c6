namespace GuestMemFs.Dumps;

/// <summary>Reads a dump block by block; each is checked before it is handed on.</summary>
internal sealed class DumpReader : IDisposable
{
    private readonly FileStream _file;
    private readonly string _path;
    private readonly uint _seed;
    private readonly byte[] _head = new byte[DumpBlock.Bytes];
    private readonly byte[] _data = new byte[DumpHeader.BlockBytes];

    /// <summary>Opens a dump that nobody untrusted could have written.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    /// <exception cref="UntrustedOwnerException">Somebody could.</exception>
    /// <exception cref="DumpDamagedException">It is none, or cut off.</exception>
    /// <exception cref="DumpFormatException">It is a newer library's.</exception>
    public DumpReader(string path, PathTrust trust)
    {
        _path = path;
        _file = new FileStream(trust.OpenFile(path), FileAccess.Read, 1);
        try
        {
            byte[] header = new byte[DumpHeader.Bytes];
            if (_file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) < header.Length)
            {
                throw new DumpDamagedException(path, $"is no dump of a region: it has {_file.Length} bytes.");
            }

            Header = DumpHeader.Read(header, path, out _seed);
            Trailer = Header.Version == 1 ? null : ReadTrailer();
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    public DumpHeader Header { get; }

    /// <summary>Of a dump of version 2.</summary>
    public DumpTrailer? Trailer { get; }

    /// <summary>The length of the region that it makes.</summary>
    public long Length => Trailer?.Length ?? Header.Length;

    public DumpInfo Info => DumpInfo.Of(Header, Trailer, _file.Length);

    /// <summary>
    /// Gives the region's bytes: each block once, zeros too, in order; then pages in a newer form, in the order in
    /// which they were copied.
    /// </summary>
    /// <exception cref="DumpDamagedException">A block is damaged, missing, or out of order.</exception>
    public void ReadAll(Action<long, ReadOnlyMemory<byte>> block, CancellationToken cancellationToken)
    {
        ulong index = 0;
        for (long at = 0; at < Header.Stored; at += DumpHeader.BlockBytes, index++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int length = (int)Math.Min(DumpHeader.BlockBytes, Header.Stored - at);
            DumpBlock found = ReadBlock(at);
            if (found.Index != index || (found.Length != 0 && found.Length != length))
            {
                throw Damaged(at);
            }

            _data.AsSpan(found.Length, length - found.Length).Clear();
            block(at, _data.AsMemory(0, length));
        }

        DumpBlock last = ReadBlock(Header.Stored);
        for (; last.Index != DumpBlock.End; last = ReadBlock(Header.Stored))
        {
            cancellationToken.ThrowIfCancellationRequested();
            block(PagesAt(last), _data.AsMemory(0, last.Length));
        }

        if (last.Length != (Trailer is null ? 0 : DumpTrailer.Bytes) || (Trailer is not null && !IsAtEnd))
        {
            throw Damaged(Header.Stored);
        }
    }

    public void Dispose() => _file.Dispose();

    private bool IsAtEnd => _file.Position == _file.Length;

    private long PagesAt(in DumpBlock block)
    {
        ulong page = block.Index & ~DumpBlock.Pages;
        return Trailer is not null && block.Index != page && block.Length > 0
            && block.Length % DumpWriter.PageBytes == 0 && block.Length <= Length
            && page <= (ulong)(Length - block.Length) / DumpWriter.PageBytes
            ? (long)page * DumpWriter.PageBytes
            : throw Damaged(Header.Stored);
    }

    private DumpBlock ReadBlock(long at)
    {
        DumpBlock block = _file.ReadAtLeast(_head, _head.Length, throwOnEndOfStream: false) < _head.Length ? default
            : DumpBlock.Read(_head);
        return block.Length is >= 0 and <= DumpHeader.BlockBytes
            && _file.ReadAtLeast(_data.AsSpan(0, block.Length), block.Length, throwOnEndOfStream: false) == block.Length
            && block.Fits(_data.AsSpan(0, block.Length), _seed) ? block : throw Damaged(at);
    }

    // It stands at the end: the region's length has to be known before it is made.
    private DumpTrailer ReadTrailer()
    {
        long start = _file.Position;
        long at = _file.Length - DumpBlock.Bytes - DumpTrailer.Bytes;
        if (at < start)
        {
            throw Damaged(0);
        }

        _file.Position = at;
        DumpBlock last = ReadBlock(Header.Stored);
        _file.Position = start;
        return last.Index == DumpBlock.End && last.Length == DumpTrailer.Bytes
            ? DumpTrailer.Read(_data, Header, _path)
            : throw Damaged(Header.Stored);
    }

    private DumpDamagedException Damaged(long at) =>
        new(_path, $"is damaged or cut off: the block at {at} of the region does not check.");
}
