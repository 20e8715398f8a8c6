using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

[assembly: System.Runtime.CompilerServices.DisableRuntimeMarshalling]

namespace GuestMemFs.Holding.Native;

/// <summary>
/// The kernel's side of the device, which tests put one of their own in place of. Results are 0 or more, or -errno;
/// interrupted calls are made again.
/// </summary>
internal abstract unsafe class LuoKernel
{
    public static LuoKernel Real { get; } = new Syscalls();

    /// <summary>Opens a device for reading and writing, close-on-exec.</summary>
    public abstract int Open(string path);

    /// <summary>One request.</summary>
    public abstract int Call(SafeFileHandle file, uint request, void* argument);

    private sealed class Syscalls : LuoKernel
    {
        private const int EINTR = 4;

        public override int Open(string path)
        {
            int result;
            while ((result = LuoLibc.Open(path, LuoLibc.O_RDWR | LuoLibc.O_CLOEXEC)) < 0
                && Marshal.GetLastPInvokeError() == EINTR)
            {
            }

            return result < 0 ? -Marshal.GetLastPInvokeError() : result;
        }

        public override int Call(SafeFileHandle file, uint request, void* argument)
        {
            int result;
            while ((result = LuoLibc.IoCtl(file, request, argument)) < 0 && Marshal.GetLastPInvokeError() == EINTR)
            {
            }

            return result < 0 ? -Marshal.GetLastPInvokeError() : result;
        }
    }
}

/// <summary>
/// Raw calls; no logic. <c>ioctl</c> takes its third argument as an ordinary pointer on x86-64 and arm64.
/// </summary>
internal static unsafe partial class LuoLibc
{
    public const int O_RDWR = 2;
    public const int O_CLOEXEC = 0x80000;

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    public static partial int IoCtl(SafeFileHandle file, nuint request, void* argument);
}
