using System.Runtime.InteropServices;

namespace KvStore.Memory;

/// <summary>Memory of whole pages, past collector and allocator: what is freed goes back to the kernel at
/// once.</summary>
internal static unsafe partial class NativePages
{
    private const int ReadWrite = 3; // PROT_READ | PROT_WRITE
    private const int PrivateAnonymous = 0x22; // MAP_PRIVATE | MAP_ANONYMOUS
    private const int Populate = 0x8000; // MAP_POPULATE
    private const int MayMove = 1; // MREMAP_MAYMOVE
    private const nint Failed = -1;

    /// <summary>Takes pages.</summary>
    /// <param name="length">In bytes, at least 1.</param>
    /// <param name="populate">True: all of them are there at once; false: each when it is first touched.</param>
    /// <exception cref="InsufficientMemoryException">The kernel has none.</exception>
    public static byte* Allocate(nint length, bool populate = false)
    {
        nint pages = Map(0, length, ReadWrite, PrivateAnonymous | (populate ? Populate : 0), -1, 0);
        return pages != Failed ? (byte*)pages : throw new InsufficientMemoryException($"No memory for {length} bytes.");
    }

    /// <summary>Changes the size and keeps the bytes, which are not copied: the kernel moves the pages.</summary>
    /// <exception cref="InsufficientMemoryException">The kernel has none; the old pages are as they were.</exception>
    public static byte* Resize(byte* pages, nint length, nint newLength)
    {
        nint moved = Remap((nint)pages, length, newLength, MayMove);
        return moved != Failed
            ? (byte*)moved
            : throw new InsufficientMemoryException($"No memory for {newLength} bytes.");
    }

    public static void Free(byte* pages, nint length) => _ = Unmap((nint)pages, length);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Map(nint address, nint length, int protection, int flags, int descriptor, nint offset);

    [LibraryImport("libc", EntryPoint = "mremap", SetLastError = true)]
    private static partial nint Remap(nint address, nint length, nint newLength, int flags);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int Unmap(nint address, nint length);
}
