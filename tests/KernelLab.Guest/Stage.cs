using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace GuestMemFs.KernelLab.Guest;

/// <summary>What a scenario has under one kernel.</summary>
internal sealed class Stage(Host host, CommandLine commandLine)
{
    private const string RunningKernel = "/proc/sys/kernel/osrelease";

    /// <summary>0 in the first kernel.</summary>
    public int Number { get; } = (int)commandLine.Number("stage");

    public Host Host => host;

    public CommandLine Arguments => commandLine;

    /// <summary>The running kernel's release.</summary>
    public string Release { get; } = File.ReadAllText(RunningKernel).Trim();

    public string BootId { get; } = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();

    /// <summary>Where this kernel's modules are.</summary>
    public string Modules => $"/modules/{Release}";

    /// <summary>
    /// Loads a module of this kernel, with what it needs named first; those that are built in or loaded already are
    /// none.
    /// </summary>
    public void LoadModules(params string[] names)
    {
        foreach (string name in names.Where(name =>
            File.Exists($"{Modules}/{name}.ko") && !Directory.Exists($"/sys/module/{name.Replace('-', '_')}")))
        {
            Shell.Run("insmod", $"{Modules}/{name}.ko");
        }
    }

    /// <summary>Throws where something is not as it must be.</summary>
    public static void Check(
        [DoesNotReturnIf(false)] bool condition,
        [InterpolatedStringHandlerArgument(nameof(condition))] ref CheckText otherwise)
    {
        if (!condition)
        {
            throw new ScenarioException(otherwise.ToString());
        }
    }

    /// <summary>
    /// Loads the next kernel, for <see cref="Kexec.Enter"/> or a panic. With <c>lab.forget=PREFIX</c> words that begin
    /// so are not handed on, by which the lab tests itself.
    /// </summary>
    /// <param name="kernel">The series: 6.12 or 7.2; null for the one named by lab.next=, or the first of all.</param>
    /// <param name="change">Changes a word of the command line, or gives null to leave it out.</param>
    /// <param name="onPanic">To be entered when this kernel panics.</param>
    public void LoadNext(string? kernel = null, Func<string, string?>? change = null, bool onPanic = false)
    {
        string? forget = commandLine.Find("forget");
        Kexec.Load($"/boot/{kernel ?? commandLine.Find("next") ?? "6.12"}/vmlinuz", "/boot/initrd",
            commandLine.ForStage(Number + 1, Change), onPanic);

        string? Change(string word) => forget is not null && word.StartsWith(forget, StringComparison.Ordinal) ? null
            : change is null ? word : change(word);
    }

    /// <summary>The words of a crash kernel: none is set aside for another one.</summary>
    public static string AsCrashKernel(string word) =>
        word.StartsWith("crashkernel=", StringComparison.Ordinal) ? "nr_cpus=1 reset_devices" : word;

    /// <summary>Makes the kernel panic.</summary>
    [DoesNotReturn]
    public static void Panic()
    {
        File.WriteAllText("/proc/sysrq-trigger", "c");
        throw new ScenarioException("the kernel did not panic");
    }
}
