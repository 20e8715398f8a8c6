using System.Diagnostics;
using System.Runtime.InteropServices;
using GuestMemFs.Holding;
using GuestMemFs.LiveUpdate.Native;

namespace GuestMemFs.LiveUpdate.Kexec;

/// <summary>
/// The machine's own next kernel, by kexec_file_load(2): the call that the kernel checks signatures at, and the only
/// one that hands on what KHO keeps.
/// </summary>
internal sealed class NextKernel : INextKernel
{
    private const string Loaded = "/sys/kernel/kexec_loaded";
    private const string Subject = "kernel";
    private const int EPERM = 1;
    private const int EBUSY = 16;
    private const int ENOSYS = 38;

    public Guid BootId => RunningKernel.BootId;

    public bool Keeps(Medium medium) => medium.Capabilities.Survives.HasFlag(Survives.Kexec);

    public IEnumerable<LiveUpdateFinding> Check(KernelSettings settings)
    {
        bool missing = false;
        foreach (string? file in (IEnumerable<string?>)[settings.Image, settings.Initrd])
        {
            if (file is not null && !File.Exists(file))
            {
                missing = true;
                yield return new LiveUpdateFinding(true, Subject, $"There is no file {file}.",
                    "Name the next kernel's image and initrd in the plan, as they lie in /boot.");
            }
        }

        foreach (ReservedMemory lost in NextCommandLine.Missing(NextCommandLine.Of(settings), ReservedMemory.Find(),
            ReservedMemory.OfFirmware()))
        {
            yield return new LiveUpdateFinding(true, Subject,
                $"Its command line does not keep {lost.Name} apart ({lost.Range}): it would take that memory " +
                "for its own.", $"Say {lost.Word} on it; the running kernel's map of memory is not handed on.");
        }

        if (!missing && TryLoading(settings) is { } problem)
        {
            yield return problem;
        }
    }

    public void Load(KernelSettings settings)
    {
        int error = LoadFiles(settings);
        if (error != 0)
        {
            throw new LiveUpdateException($"The next kernel {settings.Image} could not be loaded: {Say(error)}");
        }
    }

    public void Unload()
    {
        if (IsLoaded())
        {
            _ = KexecCalls.Unload(); // Where that fails, a kernel is loaded that nobody enters: nothing worse.
        }
    }

    public void Enter(KernelSettings settings)
    {
        if (IsBySystemctl(settings.Entry, HasSystemd))
        {
            using Process systemctl = Process.Start("systemctl", "kexec");
            systemctl.WaitForExit();
            if (systemctl.ExitCode != 0)
            {
                throw new LiveUpdateException(
                    $"systemctl kexec ended with {systemctl.ExitCode}: the next kernel was not entered.");
            }

            return;
        }

        throw new LiveUpdateException($"The next kernel was not entered: {Say(KexecCalls.Enter())}");
    }

    /// <summary>Loads it and takes that back: the only way to know that the kernel takes it.</summary>
    private static LiveUpdateFinding? TryLoading(KernelSettings settings)
    {
        if (IsLoaded())
        {
            return new LiveUpdateFinding(false, Subject, "A kernel is loaded already, and whether by kexec_file_load " +
                "cannot be told: by kexec_load (kexec -c, old kexec-tools) nothing preserved would be handed on.",
                "It is replaced by the one that is named here; whether that one can be loaded was not tried.");
        }

        int error = LoadFiles(settings);
        if (error != 0)
        {
            return new LiveUpdateFinding(true, Subject, $"{settings.Image} cannot be loaded: {Say(error)}",
                "Nothing was changed.");
        }

        _ = KexecCalls.Unload();
        return null;
    }

    private static int LoadFiles(KernelSettings settings)
    {
        using FileStream image = File.OpenRead(settings.Image);
        using FileStream? initrd = settings.Initrd is { } disk ? File.OpenRead(disk) : null;
        return KexecCalls.Load(image.SafeFileHandle, initrd?.SafeFileHandle, NextCommandLine.Of(settings).Text);
    }

    /// <summary>systemd is the service manager (sd_booted(3)).</summary>
    internal static bool HasSystemd => Directory.Exists("/run/systemd/system");

    /// <summary>True where <c>systemctl kexec</c> enters the kernel, and not this process.</summary>
    internal static bool IsBySystemctl(KernelEntry entry, bool systemd) =>
        entry == KernelEntry.Systemctl || (entry == KernelEntry.Auto && systemd);

    private static bool IsLoaded() => File.Exists(Loaded) && File.ReadAllText(Loaded).AsSpan().Trim() is "1";

    private static string Say(int error) => error switch
    {
        EPERM => "it is not allowed (EPERM). It takes root with CAP_SYS_BOOT; /proc/sys/kernel/kexec_load_disabled " +
            "must be 0, and under lockdown the image must be signed.",
        EBUSY => "another process is loading a kernel just now (EBUSY). Try again.",
        ENOSYS => "this kernel has no kexec_file_load (ENOSYS). It needs CONFIG_KEXEC_FILE.",
        _ => $"{Marshal.GetPInvokeErrorMessage(error)} (errno {error}).",
    };
}
