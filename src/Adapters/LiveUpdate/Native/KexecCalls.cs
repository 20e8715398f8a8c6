using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.LiveUpdate.Native;

/// <summary>kexec_file_load(2) and reboot(2).</summary>
internal static unsafe partial class KexecCalls
{
    private const int Unloads = 1; // KEXEC_FILE_UNLOAD
    private const int NoDisk = 4; // KEXEC_FILE_NO_INITRAMFS
    private const int EntersLoaded = 0x45584543; // LINUX_REBOOT_CMD_KEXEC

    // The number of the system call, which libc has no function for.
    private static long LoadFile => RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 320,
        Architecture.Arm64 or Architecture.RiscV64 => 294,
        Architecture.S390x => 381,
        _ => throw new PlatformNotSupportedException(
            $"kexec_file_load is not known here for {RuntimeInformation.ProcessArchitecture}."),
    };

    /// <summary>Loads a kernel; 0 or an errno.</summary>
    public static int Load(SafeFileHandle image, SafeFileHandle? initrd, string commandLine)
    {
        byte[] text = Encoding.UTF8.GetBytes(commandLine + '\0');
        fixed (byte* bytes = text)
        {
            nint disk = initrd is null ? -1 : initrd.DangerousGetHandle(); // the caller keeps both open
            return Error(SystemCall(LoadFile, image.DangerousGetHandle(), disk, text.Length, (nint)bytes,
                initrd is null ? NoDisk : 0));
        }
    }

    /// <summary>Unloads what was loaded; 0 or an errno.</summary>
    public static int Unload() => Error(SystemCall(LoadFile, -1, -1, 0, 0, Unloads));

    /// <summary>Enters what was loaded. Returns an errno only where that did not happen.</summary>
    public static int Enter() => Error(Reboot(EntersLoaded));

    private static int Error(long result) => result == 0 ? 0 : Marshal.GetLastPInvokeError();

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long SystemCall(long number, nint kernel, nint disk, nint length, nint text, nint flags);

    [LibraryImport("libc", EntryPoint = "reboot", SetLastError = true)]
    private static partial int Reboot(int command);
}
