using GuestMemFs.Holding.Native;

namespace GuestMemFs.Holding;

/// <summary>
/// Whether this kernel can keep memfds over a kexec, asked of the kernel: the device, the command line, the parameters.
/// Nothing is opened or changed.
/// </summary>
public sealed class LuoSupport
{
    private LuoSupport(string release, IReadOnlyList<LuoMissing> missing, LuoScratch? scratch)
    {
        Release = release;
        Missing = missing;
        Scratch = scratch;
    }

    /// <summary>The words that the command line of this kernel, and of the next, needs.</summary>
    public const string CommandLine = "kho=on liveupdate=on";

    /// <summary>The running kernel's release.</summary>
    public string Release { get; }

    /// <summary>What is missing, the first thing to do first; empty where it is all there.</summary>
    public IReadOnlyList<LuoMissing> Missing { get; }

    /// <summary>True where nothing is missing.</summary>
    public bool IsAvailable => Missing.Count == 0;

    /// <summary>
    /// The scratch areas that the next kernel boots in, where the command line states them; null where the kernel's
    /// default holds.
    /// </summary>
    public LuoScratch? Scratch { get; }

    /// <summary>What to do, in a sentence; empty where nothing is missing.</summary>
    public string Advice => string.Join(' ', Missing.Select(missing => $"{missing.What}. {missing.Remedy}."));

    /// <summary>Asks the running kernel.</summary>
    public static LuoSupport Ask() => Ask("/");

    /// <summary>The same, of a tree that stands in for / .</summary>
    internal static LuoSupport Ask(string root)
    {
        string release = ReadLine(root, "proc/sys/kernel/osrelease");
        string[] words = [.. new KernelCommandLine(ReadLine(root, "proc/cmdline")).Words];
        // The kernel makes the device only where all of it is built in and switched on.
        LuoMissing[] missing = File.Exists(Path.Combine(root, "dev/liveupdate")) ? [] : [Explain(root, release, words)];
        return new LuoSupport(release, missing,
            LuoScratch.Parse(words.LastOrDefault(word => word.StartsWith("kho_scratch=", StringComparison.Ordinal))));
    }

    private static LuoMissing Explain(string root, string release, string[] words)
    {
        if (Directory.Exists(Path.Combine(root, "sys/class/misc/liveupdate")))
        {
            return new($"The kernel has the orchestrator, and there is no {LuoAbi.Device}",
                "Mount devtmpfs on /dev, or make the node with the numbers in /sys/class/misc/liveupdate/dev");
        }

        if (!Version.TryParse(release.Split('-', '+')[0], out Version? version) || version < new Version(6, 19))
        {
            return new($"Linux {release} has no Live Update Orchestrator",
                "It came with 6.19: run a later kernel, built with CONFIG_KEXEC_HANDOVER, CONFIG_LIVEUPDATE and " +
                "CONFIG_LIVEUPDATE_MEMFD");
        }

        string[] lacking = LackingWords(words);
        return lacking.Length > 0
            ? new($"The command line lacks {string.Join(' ', lacking)}",
                $"Boot with {CommandLine}; where that changes nothing, the kernel is built without " +
                "CONFIG_KEXEC_HANDOVER or CONFIG_LIVEUPDATE")
            : new($"There is no {LuoAbi.Device} although the command line asks for it",
                "The kernel is built without CONFIG_KEXEC_HANDOVER or CONFIG_LIVEUPDATE (Debian's are), or had no " +
                "memory for the scratch areas: the kernel's log says which");
    }

    /// <summary>Which words a command line lacks for sessions to be kept by the kernel that it starts.</summary>
    public static IReadOnlyList<string> LackingWords(KernelCommandLine line)
    {
        ArgumentNullException.ThrowIfNull(line);
        return LackingWords(line.Words);
    }

    private static string[] LackingWords(IEnumerable<string> words) =>
        [.. CommandLine.Split(' ').Where(word => !Switched(words, word.Split('=')[0]))];

    /// <summary>True where a switch of the kernel (<c>NAME=on</c>) is on; the last one counts.</summary>
    internal static bool Switched(IEnumerable<string> words, string name) =>
        words.LastOrDefault(word => word.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..] is "on"
            or "1" or "y" or "Y" or "true" or "t";

    private static string ReadLine(string root, string path)
    {
        try
        {
            return File.ReadAllText(Path.Combine(root, path)).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
