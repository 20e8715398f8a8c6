using GuestMemFs.Cli.Infrastructure;

namespace GuestMemFs.Cli.Dumps;

/// <summary>
/// Writes a dump: into a file beside the one that is meant, which takes its name when every byte is on the disk.
/// </summary>
internal static class DumpWriter
{
    private const string Partial = ".partial";

    /// <summary>Writes it.</summary>
    /// <returns>Length of the file in bytes.</returns>
    public static long Write(string path, bool overwrite, DumpHeader header, RegionReader source, ProgressLine progress,
        CancellationToken cancelled)
    {
        if (!overwrite && File.Exists(path))
        {
            throw new GmfsException(ExitCode.Refused, $"'{path}' is there already. Take another name, or say --force.");
        }

        string partial = path + Partial;
        try
        {
            long length;
            using (FileStream file = new(partial, new FileStreamOptions { Mode = FileMode.Create,
                Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
                BufferSize = 0 }))
            {
                WriteAll(file, header, source, progress, cancelled);
                file.Flush(flushToDisk: true);
                length = file.Length;
            }

            File.Move(partial, path, overwrite);
            return length;
        }
        catch (ArgumentOutOfRangeException e)
        {
            File.Delete(partial); // What the runtime makes of EFBIG.
            throw new GmfsException(ExitCode.Failed,
                $"'{path}' would be longer than a file may be here ({e.Message}). Nothing is left of it. Raise the " +
                "limit (ulimit -f unlimited), or write to another filesystem.");
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    private static void WriteAll(
        FileStream file, DumpHeader header, RegionReader source, ProgressLine progress, CancellationToken cancelled)
    {
        byte[] buffer = new byte[DumpBlock.Bytes + DumpHeader.BlockBytes];
        uint seed = header.WriteTo(buffer);
        file.Write(buffer, 0, DumpHeader.Bytes);
        ulong index = 0;
        for (long at = 0; at < header.Stored; at += DumpHeader.BlockBytes, index++)
        {
            cancelled.ThrowIfCancellationRequested();
            Span<byte> data = buffer.AsSpan(DumpBlock.Bytes, (int)Math.Min(DumpHeader.BlockBytes, header.Stored - at));
            source.Read(at, data);
            Write(file, buffer, index, data.IndexOfAnyExcept((byte)0) < 0 ? 0 : data.Length, seed);
            progress.At(at + data.Length, header.Stored);
        }

        Write(file, buffer, DumpBlock.End, 0, seed);
        progress.End();
    }

    private static void Write(FileStream file, byte[] buffer, ulong index, int length, uint seed)
    {
        DumpBlock.Of(index, buffer.AsSpan(DumpBlock.Bytes, length), seed).WriteTo(buffer);
        file.Write(buffer, 0, DumpBlock.Bytes + length);
    }
}
