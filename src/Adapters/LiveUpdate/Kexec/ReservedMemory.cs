using System.Globalization;
using GuestMemFs.Holding;

namespace GuestMemFs.LiveUpdate.Kexec;

/// <summary>
/// Memory that the running kernel keeps apart for a medium, and what the next one has to be told to keep it apart too.
/// </summary>
/// <param name="Range">Where it is.</param>
/// <param name="Name">Whose: "guestmemfs range vms", "/dev/pmem0".</param>
/// <param name="Kind">How <c>memmap=</c> calls it: '$' reserved, '!' persistent.</param>
internal sealed record ReservedMemory(MemoryRange Range, string Name, char Kind)
{
    /// <summary>The word for a command line.</summary>
    public string Word => string.Create(CultureInfo.InvariantCulture,
        $"memmap=0x{Range.Length:x}{Kind}0x{Range.Start:x}");

    /// <summary>All of it: ranges of the guestmemfs module, and persistent memory.</summary>
    /// <param name="sysfs">Where sysfs is.</param>
    public static IReadOnlyList<ReservedMemory> Find(string sysfs = "/sys")
    {
        List<ReservedMemory> found = [];
        foreach (string range in Folders(Path.Combine(sysfs, "fs", "guestmemfs")))
        {
            Add(found, Path.Combine(range, "base"), Path.Combine(range, "size"),
                $"guestmemfs range {Path.GetFileName(range)}", '$');
        }

        foreach (string disk in Folders(Path.Combine(sysfs, "block")).Where(disk =>
            Path.GetFileName(disk).StartsWith("pmem", StringComparison.Ordinal)))
        {
            // REGION/NAMESPACE/block/pmem0: the region is the range that the firmware, or memmap=, names.
            string place = Directory.ResolveLinkTarget(disk, returnFinalTarget: true)?.FullName ?? disk;
            string region = Path.GetFullPath(Path.Combine(place, "..", "..", ".."));
            Add(found, Path.Combine(region, "resource"), Path.Combine(region, "size"), "/dev/" + Path.GetFileName(disk),
                '!');
        }

        return found;
    }

    /// <summary>What the firmware itself keeps apart: every kernel is told of that.</summary>
    public static IReadOnlyList<MemoryRange> OfFirmware(string sysfs = "/sys")
    {
        List<MemoryRange> found = [];
        foreach (string entry in Folders(Path.Combine(sysfs, "firmware", "memmap")))
        {
            if (Text(Path.Combine(entry, "type")) is { } type && type != "System RAM"
                && Number(Path.Combine(entry, "start")) is { } start && Number(Path.Combine(entry, "end")) is { } end)
            {
                found.Add(new MemoryRange(start, end - start + 1));
            }
        }

        return found;
    }

    private static void Add(List<ReservedMemory> found, string start, string length, string name, char kind)
    {
        if (Number(start) is { } from && Number(length) is { } bytes)
        {
            found.Add(new ReservedMemory(new MemoryRange(from, bytes), name, kind));
        }
    }

    private static string[] Folders(string path) => Directory.Exists(path) ? Directory.GetDirectories(path) : [];

    private static ulong? Number(string file) => Text(file) is { } text && KernelNumber.TryParse(text, out ulong value)
        ? value : null;

    private static string? Text(string file)
    {
        try
        {
            return File.ReadAllText(file).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
