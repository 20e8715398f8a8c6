using GuestMemFs.KernelLab.Parts;

namespace GuestMemFs.KernelLab.Machines;

/// <summary>How a machine is started, and what runs in it.</summary>
internal sealed record Boot
{
    /// <summary>
    /// 512 MiB at 1 GiB as persistent memory (/dev/pmem0), which a kexec keeps if the next kernel is told the same.
    /// </summary>
    public const string PersistentMemory = "memmap=512M!1G";

    /// <summary>The same memory as nobody's, for our module to take.</summary>
    public const string ReservedMemory = "memmap=512M$0x40000000";

    private const string Usual = "2G";

    /// <summary>The scenario's name in the guest.</summary>
    public required string Scenario { get; init; }

    public Kernel Kernel { get; init; } = Kernel.Stock;

    public string Memory { get; init; } = Usual;

    /// <summary>More of the kernel's command line; a kexec hands it on.</summary>
    public string CommandLine { get; init; } = PersistentMemory;

    /// <summary>What the scenario is told: names and values without spaces.</summary>
    public IReadOnlyDictionary<string, string> Arguments { get; init; } = new Dictionary<string, string>();

    /// <summary>More arguments of QEMU.</summary>
    public IReadOnlyList<string> Devices { get; init; } = [];

    /// <summary>
    /// Answers a question of the guest's that the transcript does not answer by itself; null for those it leaves to it.
    /// Called on another thread.
    /// </summary>
    public Func<string, string?> Answer { get; init; } = _ => null;

    /// <summary>True for a third serial line, which <see cref="Transcript.Counted"/> is heard on.</summary>
    public bool Counts { get; init; }

    /// <summary>True for systemd as the first program, by <see cref="Image.SystemdImage"/>.</summary>
    public bool Systemd { get; init; }

    /// <summary>A reset is another boot; else it is the machine's end.</summary>
    public bool Resets { get; init; }

    /// <summary>When the machine is ended, whatever it does.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromMinutes(8);

    /// <summary>What the command line sets aside for a medium.</summary>
    public static string MemoryOf(string medium) => medium switch { "dax" => PersistentMemory, "guestmemfs" =>
        ReservedMemory, _ => "" };

    /// <summary>
    /// The same under a kernel that looks for bugs: it needs more memory, and time. Four levels of page tables, because
    /// 7.2 forgets for a moment, while it identifies its processor, that it has five: KASAN then takes whatever an
    /// interrupt touches for a wild address.
    /// </summary>
    public Boot ForDebugging() => this with
    {
        Memory = Memory == Usual ? "4G" : Memory,
        CommandLine = CommandLine.Replace("crashkernel=448M", "crashkernel=768M", StringComparison.Ordinal) + " no5lvl",
        Limit = Limit * 4,
    };

    /// <summary>
    /// All of it. The check of the timer is left out because it counts on an emulated processor being as fast as a real
    /// one, and the tests of the kernel's own cryptography because nothing here uses it: they are a tenth of a boot.
    /// </summary>
    public string FullCommandLine => string.Join(' ',
        [
            "console=ttyS0 panic=-1 oops=panic no_timer_check cryptomgr.notests", CommandLine,
            $"lab.scenario={Scenario} lab.stage=0",
            .. Arguments.Select(argument => $"lab.{argument.Key}={argument.Value}"),
        ]);
}
