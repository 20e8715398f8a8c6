using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Holding.Native;

/// <summary>What the kernel says of a memfd.</summary>
internal static unsafe partial class MemoryFacts
{
    private const long HugetlbfsMagic = 0x958458f6;

    /// <summary>True where its pages are of the hugetlb pool.</summary>
    public static bool IsHugePool(SafeFileHandle file)
    {
        StatFs status;
        return FStatFs(file, &status) == 0 && status.Type == HugetlbfsMagic;
    }

    /// <summary>Bytes of it that have memory.</summary>
    public static long Held(SafeFileHandle file)
    {
        StatX status;
        return StatXCall(file, string.Empty, AtEmptyPath, StatXBlocks, &status) == 0 ? (long)status.Blocks * 512 : 0;
    }

    private const int AtEmptyPath = 0x1000;
    private const uint StatXBlocks = 0x400;

    [LibraryImport("libc", EntryPoint = "fstatfs", SetLastError = true)]
    private static partial int FStatFs(SafeFileHandle file, StatFs* result);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatXCall(SafeFileHandle directory, string path, int flags, uint mask, StatX* result);

    /// <summary><c>struct statfs</c> of 64-bit Linux.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 120)]
    private struct StatFs
    {
        public long Type;
    }

    /// <summary><c>struct statx</c>.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct StatX
    {
        [FieldOffset(48)] public ulong Blocks; // of 512 bytes
    }
}
