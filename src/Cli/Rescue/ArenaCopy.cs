using GuestMemFs.Cli.Terminal;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Cli.Rescue;

/// <summary>Copies an arena's files out of a process that stands still, the metadata last. Zeros are holes.</summary>
internal static class ArenaCopy
{
    private const int Step = 1 << 20;
    private const int Page = 4096;

    /// <summary>Copies.</summary>
    /// <param name="arena">What the process has.</param>
    /// <param name="destination">A directory that is empty, or not there.</param>
    /// <returns>The files' names and lengths.</returns>
    public static IReadOnlyList<(string Name, long Length)> Run(MappedArena arena, string destination)
    {
        var files = new List<(string, long)>();

        // One that was removed counts, where another of its name was made since.
        IEnumerable<MappedFile> chosen = arena.Files.GroupBy(file => file.Name)
            .Select(group => group.OrderByDescending(file => file.IsRemoved).First())
            .OrderBy(file => file.Name == MetadataSnapshot.UsualFileName);
        foreach (MappedFile file in chosen)
        {
            using SafeFileHandle from = arena.Open(file);
            files.Add((file.Name, Copy(from, Path.Combine(destination, file.Name))));
        }

        return files;
    }

    /// <summary>Makes the directory, or sees that it is empty.</summary>
    public static void Prepare(string destination)
    {
        const UnixFileMode Ours = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        Directory.CreateDirectory(destination, Ours);
        if (Directory.EnumerateFileSystemEntries(destination).Any())
        {
            throw new GmfsException(
                ExitCode.Refused,
                $"There is something in '{destination}' already. Nothing was changed. Name a directory that is " +
                    $"empty, or not there.");
        }
    }

    private static long Copy(SafeFileHandle from, string path)
    {
        long length = RandomAccess.GetLength(from);
        using SafeFileHandle to = NewFile(path);
        RandomAccess.SetLength(to, length);
        byte[] buffer = new byte[Step];
        for (long at = 0; at < length;)
        {
            int read = RandomAccess.Read(from, buffer, at);
            if (read == 0)
            {
                throw new GmfsException(
                    ExitCode.Failed,
                    $"'{path}': the file ended at {at} of {length} bytes while it was copied.");
            }

            WriteData(to, buffer.AsSpan(0, read), at);
            at += read;
        }

        return length;
    }

    private static SafeFileHandle NewFile(string path)
    {
        using var stream = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        return File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
    }

    /// <summary>Writes the stretches of pages that are not all zeros.</summary>
    private static void WriteData(SafeFileHandle to, ReadOnlySpan<byte> bytes, long at)
    {
        int start = -1;
        for (int page = 0; page <= bytes.Length; page += Page)
        {
            bool data = page < bytes.Length
                && bytes.Slice(page, Math.Min(Page, bytes.Length - page)).ContainsAnyExcept((byte)0);
            if (data && start < 0)
            {
                start = page;
            }
            else if (!data && start >= 0)
            {
                RandomAccess.Write(to, bytes[start..Math.Min(page, bytes.Length)], at + start);
                start = -1;
            }
        }
    }
}
