using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.VirtualMachines.Native;

/// <summary>
/// The locks that a process holds by flock(2), as descriptors of our own (<c>pidfd_getfd</c>, Linux 5.6): a lock lasts
/// as long as any copy of its descriptor.
/// </summary>
internal static partial class Loans
{
    private const int PidfdOpen = 434; // the same number on x86-64 and arm64
    private const int PidfdGetfd = 438;

    /// <summary>Copies of all of them.</summary>
    /// <exception cref="IOException">It is not allowed, or the process is gone.</exception>
    public static List<SafeFileHandle> CopyOf(int process)
    {
        using SafeFileHandle handle = Call(PidfdOpen, process, 0, 0);
        List<SafeFileHandle> copies = [];
        foreach (string file in Directory.GetFiles(
            string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/fdinfo")))
        {
            // lock:   1: FLOCK  ADVISORY  WRITE 1234 00:1a:5678 0 EOF
            if (File.ReadLines(file).Any(line =>
                line.StartsWith("lock:", StringComparison.Ordinal) && line.Contains("FLOCK", StringComparison.Ordinal)))
            {
                copies.Add(Call(PidfdGetfd, handle.DangerousGetHandle(),
                    nint.Parse(Path.GetFileName(file), CultureInfo.InvariantCulture), 0));
            }
        }

        return copies;
    }

    private static SafeFileHandle Call(long number, nint first, nint second, nint third)
    {
        nint descriptor = SystemCall(number, first, second, third);
        return descriptor >= 0
            ? new SafeFileHandle(descriptor, ownsHandle: true)
            : throw new IOException("The locks of a machine's memory cannot be handed " +
                $"over: {Marshal.GetLastPInvokeErrorMessage()} (errno {Marshal.GetLastPInvokeError()}). It takes " +
                "being its user or root, and permission to trace it.");
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(long number, nint first, nint second, nint third);
}
