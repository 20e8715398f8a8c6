using GuestMemFs.Cli.Infrastructure;

namespace GuestMemFs.Cli.Dumps;

/// <summary>Reads a dump block by block; each is checked before it is handed on.</summary>
internal sealed class DumpReader : IDisposable
{
    private readonly FileStream _file;
    private readonly uint _seed;

    public DumpReader(string path)
    {
        if (!File.Exists(path))
        {
            throw new GmfsException(ExitCode.NotFound, $"There is no file '{path}'.");
        }

        _file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1);
        try
        {
            byte[] header = new byte[DumpHeader.Bytes];
            if (_file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) < header.Length)
            {
                throw new GmfsException(ExitCode.Damaged, $"'{path}' is no dump of gmfs: it has {_file.Length} bytes.");
            }

            Header = DumpHeader.Read(header, path, out _seed);
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    public DumpHeader Header { get; }

    /// <summary>Gives each block of the region's bytes, zeros too, in order.</summary>
    /// <exception cref="GmfsException">A block is damaged, missing, or out of order.</exception>
    public void ReadAll(Action<long, ReadOnlyMemory<byte>> block, CancellationToken cancelled)
    {
        byte[] head = new byte[DumpBlock.Bytes];
        byte[] data = new byte[DumpHeader.BlockBytes];
        ulong index = 0;
        for (long at = 0; at < Header.Stored; at += DumpHeader.BlockBytes, index++)
        {
            cancelled.ThrowIfCancellationRequested();
            int length = (int)Math.Min(DumpHeader.BlockBytes, Header.Stored - at);
            DumpBlock found = ReadHead(head, index, at);
            if (found.Length != 0 && found.Length != length)
            {
                throw Damaged(at);
            }

            if (_file.ReadAtLeast(data.AsSpan(0, found.Length), found.Length, throwOnEndOfStream: false) < found.Length
                || !found.Fits(data.AsSpan(0, found.Length), _seed))
            {
                throw Damaged(at);
            }

            data.AsSpan(found.Length, length - found.Length).Clear();
            block(at, data.AsMemory(0, length));
        }

        if (!ReadHead(head, DumpBlock.End, Header.Stored).Fits([], _seed))
        {
            throw Damaged(Header.Stored);
        }
    }

    public void Dispose() => _file.Dispose();

    private DumpBlock ReadHead(byte[] head, ulong index, long at)
    {
        DumpBlock block = _file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) < head.Length ? default
            : DumpBlock.Read(head);
        return block.Index == index && block.Length is >= 0 and <= DumpHeader.BlockBytes ? block : throw Damaged(at);
    }

    private GmfsException Damaged(long at) => new(ExitCode.Damaged,
        $"'{_file.Name}' is damaged or cut off: the block at {at} of the region does not check. Nothing was restored.");
}
