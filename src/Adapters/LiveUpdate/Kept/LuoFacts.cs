using System.Globalization;
using GuestMemFs.Holding;
using GuestMemFs.LiveUpdate.Kexec;

namespace GuestMemFs.LiveUpdate.Kept;

/// <summary>What of the machine a look ahead asks for; apart, so that tests can say it.</summary>
internal sealed record LuoFacts
{
    /// <summary>The orchestrator of the running kernel.</summary>
    public required LuoSupport Support { get; init; }

    /// <summary>Bytes of memory that can be had.</summary>
    public required long Available { get; init; }

    /// <summary>
    /// The running kernel's command line: its scratch areas are the ones that the next kernel boots in.
    /// </summary>
    public required string Running { get; init; }

    /// <summary>systemd is the service manager.</summary>
    public required bool Systemd { get; init; }

    /// <summary>Asks the machine.</summary>
    public static LuoFacts Ask() => new()
    {
        Support = LuoSupport.Ask(),
        Available = MemoryAvailable(),
        Running = RunningKernel.CommandLine.Text,
        Systemd = NextKernel.HasSystemd,
    };

    private static long MemoryAvailable()
    {
        string line = File.ReadLines("/proc/meminfo").First(line =>
            line.StartsWith("MemAvailable:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
            CultureInfo.InvariantCulture) << 10;
    }
}
