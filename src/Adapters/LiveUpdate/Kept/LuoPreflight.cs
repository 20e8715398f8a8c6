using System.Globalization;
using GuestMemFs.Holding;
using GuestMemFs.LiveUpdate.Kexec;

namespace GuestMemFs.LiveUpdate.Kept;

/// <summary>
/// Looks ahead for arenas that the kernel itself is to keep: everything by which their memory would be lost without a
/// word. Nothing is changed.
/// </summary>
internal static class LuoPreflight
{
    private const string Kernel = "kernel";
    private const long PagesList = 32; // bytes for each page of 4 KiB, while it is preserved: two lists of the kernel's
    private const long Page = 4096;
    private const long SmallestScratch = 64L << 20; // what was found to be enough for a small kernel and its initrd

    public static IEnumerable<LiveUpdateFinding> Check(
        IReadOnlyList<(string Store, ArenaMemory Memory)> arenas, KernelSettings next, LuoFacts facts)
    {
        foreach (LuoMissing missing in facts.Support.Missing)
        {
            yield return new(true, Kernel, missing.What + ".", missing.Remedy + ".");
        }

        IReadOnlyList<string> lacking = LuoSupport.LackingWords(NextCommandLine.Of(next));
        if (lacking.Count > 0)
        {
            yield return new(true, Kernel, $"The next kernel's command line lacks {string.Join(' ', lacking)}: it " +
                "would start without what is preserved, and say nothing.", $"Add {LuoSupport.CommandLine} to it.");
        }

        if (NextKernel.IsBySystemctl(next.Entry, facts.Systemd))
        {
            yield return new(true, Kernel,
                "systemctl kexec ends all processes first, and with the one that holds the " +
                "sessions what they preserve.",
                "Enter the kernel directly (\"entry\": \"direct\"), after stopping by " +
                    "hand what has to be stopped; or let systemd 261 keep the memory, in its store.");
        }

        foreach (LiveUpdateFinding finding in CheckScratch(next, facts)
            .Concat(arenas.SelectMany(arena => CheckArena(arena.Store, arena.Memory))).Concat(CheckRoom(arenas, facts)))
        {
            yield return finding;
        }
    }

    /// <summary>That nothing is added to an arena meanwhile.</summary>
    public static IEnumerable<LiveUpdateFinding> CheckFrozen(string store, ArenaMemory memory)
    {
        if (!memory.Contents.IsFrozen)
        {
            yield return new(true, store, "It is not frozen: memory that its writer added after the preserving would " +
                "be missing under the next kernel.",
                "Stop its program (its memory stays with the holder): the freezing is then done here. Or have it " +
                "freeze itself.");
        }
    }

    private static IEnumerable<LiveUpdateFinding> CheckScratch(KernelSettings next, LuoFacts facts)
    {
        string? word = new KernelCommandLine(facts.Running).Words.LastOrDefault(one =>
            one.StartsWith("kho_scratch=", StringComparison.Ordinal));
        if (LuoScratch.Parse(word) is not { } scratch)
        {
            yield return new(false, Kernel, "The scratch areas have the kernel's default size: a part of all memory, " +
                "from which what is preserved has to be moved first (some ten times as long).",
                "Boot with kho_scratch=64M,0,64M or so, once.");
            yield break;
        }

        long image = Length(next.Image) + (next.Initrd is { } initrd ? Length(initrd) : 0);
        long largest = Math.Max(scratch.Low, Math.Max(scratch.Anywhere, scratch.EachNode));
        long least = Math.Max(SmallestScratch, 2 * image);
        if (largest < least)
        {
            long megabytes = (least + (1 << 20) - 1) >> 20;
            yield return new(true, Kernel, string.Create(CultureInfo.InvariantCulture,
                $"The largest scratch area has {largest} bytes ({word}). The next kernel and its initrd ({image} " +
                $"bytes) are loaded into one, and it boots in them."),
                $"Boot with kho_scratch={megabytes}M,0,{megabytes}M or more.");
        }
    }

    private static IEnumerable<LiveUpdateFinding> CheckArena(string store, ArenaMemory memory)
    {
        foreach (ArenaFileIdentity file in memory.HugePoolFiles)
        {
            yield return new(true, store, $"{file.Name} is of pages of the hugetlb pool, which the kernel does " +
                "not hand over.", "Make the arena on a holder's ordinary memfds (they get huge pages with " +
                    "transparent_hugepage_shmem=always), and move the data with gmfs dump and gmfs restore.");
        }
    }

    private static IEnumerable<LiveUpdateFinding> CheckRoom(
        IReadOnlyList<(string Store, ArenaMemory Memory)> arenas, LuoFacts facts)
    {
        long bytes = arenas.Sum(arena => arena.Memory.Bytes);
        long held = arenas.Sum(arena => arena.Memory.AllocatedBytes);
        long needed = Math.Max(0, bytes - held) + (bytes / Page * PagesList);
        if (needed > facts.Available)
        {
            yield return new(true, Kernel, string.Create(CultureInfo.InvariantCulture,
                $"Preserving {bytes} bytes takes {needed} more (it fills {Math.Max(0, bytes - held)} bytes of holes, " +
                $"and needs lists of pages), and {facts.Available} are available."),
                "Free memory, or make the arena no longer than what is in it (KvStore --size).");
        }
    }

    private static long Length(string file) => File.Exists(file) ? new FileInfo(file).Length : 0;
}
