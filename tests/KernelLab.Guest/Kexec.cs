using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Text;

namespace GuestMemFs.KernelLab.Guest;

/// <summary>kexec_file_load(2) and reboot(2), which is all that <c>kexec -s</c> does.</summary>
internal static unsafe partial class Kexec
{
    private const int LoadFile = 320; // __NR_kexec_file_load on x86-64
    private const int OnCrash = 2;
    private const int RebootIntoIt = 0x45584543;

    /// <summary>Loads a kernel, to be entered by <see cref="Enter"/>, or by a panic.</summary>
    public static void Load(string kernel, string initialRamDisk, string commandLine, bool onPanic)
    {
        using FileStream image = File.OpenRead(kernel), disk = File.OpenRead(initialRamDisk);
        byte[] text = Encoding.ASCII.GetBytes(commandLine + '\0');
        fixed (byte* bytes = text)
        {
            long result = SystemCall(LoadFile, image.SafeFileHandle.DangerousGetHandle(),
                disk.SafeFileHandle.DangerousGetHandle(), text.Length, (nint)bytes, onPanic ? OnCrash : 0);
            Stage.Check(result == 0, $"kexec_file_load of {kernel} failed: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    /// <summary>Enters it, with everything that runs still running: nothing is stopped or written back first.</summary>
    [DoesNotReturn]
    public static void Enter()
    {
        _ = Reboot(RebootIntoIt);
        throw new ScenarioException($"the kexec did not happen: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long SystemCall(long number, nint kernel, nint disk, nint length, nint text, nint flags);

    [LibraryImport("libc", EntryPoint = "reboot", SetLastError = true)]
    private static partial int Reboot(int command);
}
