using System.Globalization;
using GuestMemFs.KernelLab.Machines;
using GuestMemFs.KernelLab.Parts;
using GuestMemFs.KernelLab.Scenarios;

namespace GuestMemFs.KernelLab.Restarts;

/// <summary>A machine of the comparison: the same for all but what its command line sets aside.</summary>
/// <param name="Medium">As the guest calls it. On a memfd the program is first killed and then taken over kexecs, so
/// that it is two of the ways.</param>
/// <param name="Killed">True for restarts after SIGKILL.</param>
/// <param name="Kexecs">True for restarts under a next kernel.</param>
internal sealed record RestartMachine(string Medium, bool Killed, bool Kexecs)
{
    private const int ValueLength = 16000; // With key and header a block of 16 KiB.
    private const long MiB = 1 << 20;

    // The processor's own counter is found unreliable in the middle of a run where the host is busy: then some machines
    // would be measured by another clock than the rest.
    private const string Clock = " clocksource=hpet";

    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(25);

    public static IReadOnlyList<RestartMachine> All { get; } = [new("guestmemfs", false, true), new("dax", false, true),
        new("memfd", true, true), new("tmpfs", true, false)];

    /// <summary>How it is started with so much data.</summary>
    /// <param name="size">Bytes of data.</param>
    /// <param name="options">The largest size of the run decides how much memory each of its machines has.</param>
    public Boot Boot(long size, RestartOptions options)
    {
        long range = Aligned(Arena(options.Sizes[^1]) + (512 * MiB), 512 * MiB);
        // half a GiB behind 4 GiB
        string reserved = Medium switch { "guestmemfs" => $" memmap={range / MiB}M$0x120000000", "dax" =>
            $" memmap={range / MiB}M!0x120000000", _ => "" };
        return new Boot
        {
            Scenario = "restart-times",
            Kernel = Kernel.Own,
            Memory = $"{((2560 * MiB) + range) / MiB}M", // 2 GiB are below 4 GiB, and half of one before the range.
            CommandLine = LuoTests.CommandLine + Clock + reserved,
            Arguments = new Dictionary<string, string>
            {
                ["medium"] = Medium,
                ["keys"] = Text(Math.Max(1, size / ValueLength)),
                ["value"] = Text(ValueLength),
                ["size"] = $"{Arena(size) / MiB}M",
                ["room"] = $"{range / MiB}M",
                ["kills"] = Text(Killed ? (2 * options.Rounds) - 1 : 0),
                ["kexecs"] = Text(Kexecs ? options.Rounds : 0),
                ["next"] = Kernel.Own.Name,
            },
            Limit = s_limit,
        };
    }

    private static long Arena(long data) => Aligned(data + (data / 8) + (64 * MiB), 2 * MiB);

    private static long Aligned(long value, long unit) => (value + unit - 1) / unit * unit;

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
