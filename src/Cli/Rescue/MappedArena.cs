using System.Globalization;
using GuestMemFs.Cli.Terminal;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Cli.Rescue;

/// <summary>A file of an arena, as a process has it mapped.</summary>
/// <param name="Name">Its name in the arena's directory.</param>
/// <param name="Range">The addresses of one of its mappings, as /proc names them.</param>
/// <param name="IsRemoved">No name leads to it any more.</param>
/// <param name="IsWritable">The process may write it: it is the arena's writer.</param>
internal sealed record MappedFile(string Name, string Range, bool IsRemoved, bool IsWritable);

/// <summary>An arena as a living process has it mapped, by what the kernel says of the process's memory.</summary>
/// <param name="Process">The process.</param>
/// <param name="Directory">Where the files were.</param>
/// <param name="Files">The files that it has mapped.</param>
internal sealed record MappedArena(int Process, string Directory, IReadOnlyList<MappedFile> Files)
{
    private const string Removed = " (deleted)";
    private const string ExtentPrefix = "extent-";

    /// <summary>True where at least one file has no name any more.</summary>
    public bool IsDamaged => Files.Any(file => file.IsRemoved);

    /// <summary>True where the process is the arena's writer.</summary>
    public bool IsWriter => Files.Any(file => file.Name == MetadataSnapshot.UsualFileName && file.IsWritable);

    /// <summary>The arenas of one process, or of all that this user may look into.</summary>
    public static IReadOnlyList<MappedArena> Of(int? process) =>
        [.. (process is { } one ? [one] : Processes()).SelectMany(OfProcess)];

    /// <summary>Opens one of the files through the process.</summary>
    public SafeFileHandle Open(MappedFile file) =>
        ProcessCalls.TryOpen(string.Create(CultureInfo.InvariantCulture, $"/proc/{Process}/map_files/{file.Range}"))
        ?? OpenDescriptor(file)
        ?? throw new GmfsException(
            ExitCode.Failed,
            $"'{file.Name}' of process {Process} cannot be opened through /proc/{Process}/map_files. Nothing was " +
                $"changed. Run it as root (CAP_CHECKPOINT_RESTORE), while the process lives.");

    private SafeFileHandle? OpenDescriptor(MappedFile file)
    {
        string path = Path.Combine(Directory, file.Name) + (file.IsRemoved ? Removed : "");
        string folder = string.Create(CultureInfo.InvariantCulture, $"/proc/{Process}/fd");
        string? descriptor = Try(() => System.IO.Directory.GetFiles(folder))
            .FirstOrDefault(link => Try(() => [new FileInfo(link).LinkTarget ?? ""]).Contains(path));
        return descriptor is null ? null : ProcessCalls.TryOpen(descriptor);
    }

    private static IEnumerable<int> Processes()
    {
        foreach (string folder in System.IO.Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out int process)
                && process != Environment.ProcessId)
            {
                yield return process;
            }
        }
    }

    private static IEnumerable<MappedArena> OfProcess(int process)
    {
        string maps = string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/maps");
        return Try(() => File.ReadAllLines(maps))
            .Select(Parse)
            .OfType<(string Directory, MappedFile File)>()
            .GroupBy(found => found.Directory)
            .Select(group => new MappedArena(process, group.Key, Distinct(group.Select(found => found.File))))
            .Where(arena => arena.Files.Any(file => file.Name == MetadataSnapshot.UsualFileName));
    }

    private static MappedFile[] Distinct(IEnumerable<MappedFile> files) =>
        [.. files.DistinctBy(file => (file.Name, file.IsRemoved))];

    /// <summary>A line of maps: range, permissions, offset, device, inode, path.</summary>
    private static (string Directory, MappedFile File)? Parse(string line)
    {
        int at = line.IndexOf('/', StringComparison.Ordinal);
        string[] words = line.Split(' ', 3);
        if (at < 0 || words.Length < 3 || !words[1].EndsWith('s'))
        {
            return null;
        }

        bool removed = line.EndsWith(Removed, StringComparison.Ordinal);
        string path = removed ? line[at..^Removed.Length] : line[at..];
        string name = Path.GetFileName(path);
        bool writable = words[1].Contains('w', StringComparison.Ordinal);
        return name == MetadataSnapshot.UsualFileName || name.StartsWith(ExtentPrefix, StringComparison.Ordinal)
            ? (Path.GetDirectoryName(path)!, new MappedFile(name, words[0], removed, writable))
            : null;
    }

    /// <summary>What /proc says; nothing where the process has ended or is not for us.</summary>
    private static string[] Try(Func<string[]> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
