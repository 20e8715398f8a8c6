using System.Runtime.InteropServices;
using System.Text;
using GuestMemFs.Native;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Media;

/// <summary>What a descriptor can be asked, with errors as <see cref="MediumException"/>s.</summary>
internal static unsafe class Descriptors
{
    /// <summary>Wraps a result of open; throws where it is an error.</summary>
    public static SafeFileHandle Own(int result, string operation, string path) =>
        result >= 0 ? new SafeFileHandle(result, ownsHandle: true) : throw Errno.Exception(-result, operation, path);

    public static StatX Status(SafeFileHandle file, string path)
    {
        StatX status;
        return Libc.StatX(file, string.Empty, Libc.AT_EMPTY_PATH, Libc.STATX_BASIC_STATS | Libc.STATX_MNT_ID,
            &status) == 0
            ? status
            : throw Errno.Exception(Errno.Last, "statx", path);
    }

    public static StatFs FileSystem(SafeFileHandle file, string path)
    {
        StatFs status;
        return Libc.FStatFs(file, &status) == 0 ? status : throw Errno.Exception(Errno.Last, "fstatfs", path);
    }

    /// <summary>Names of the regular files of a directory.</summary>
    public static List<string> RegularFiles(SafeFileHandle directory, string path)
    {
        // A descriptor of its own: reading moves its position, and closedir closes it.
        int descriptor = Errno.Retry(() =>
            Libc.OpenAt(directory, ".", Libc.O_RDONLY | Libc.O_DIRECTORY | Libc.O_CLOEXEC, 0));
        if (descriptor < 0)
        {
            throw Errno.Exception(-descriptor, "open", path);
        }

        nint stream = Libc.FdOpenDir(descriptor);
        if (stream == 0)
        {
            int errno = Errno.Last;
            _ = Libc.Close(descriptor);
            throw Errno.Exception(errno, "fdopendir", path);
        }

        try
        {
            return Read(stream, directory, path);
        }
        finally
        {
            _ = Libc.CloseDir(stream);
        }
    }

    private static List<string> Read(nint stream, SafeFileHandle directory, string path)
    {
        var names = new List<string>();
        while (true)
        {
            // readdir tells the end from an error by errno alone; the marshaller clears it before the call.
            DirectoryEntry* entry = Libc.ReadDir(stream);
            if (entry == null)
            {
                return Errno.Last == 0 ? names : throw Errno.Exception(Errno.Last, "readdir", path);
            }

            // Some filesystems pad names with NULs; the first one ends the name.
            string name = Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(entry->Name));
            if (entry->Type == Libc.DT_REG || (entry->Type == Libc.DT_UNKNOWN && IsRegular(directory, name)))
            {
                names.Add(name);
            }
        }
    }

    private static bool IsRegular(SafeFileHandle directory, string name)
    {
        const int doNotFollow = 0x100; // AT_SYMLINK_NOFOLLOW
        StatX status;
        return Libc.StatX(directory, name, doNotFollow, Libc.STATX_BASIC_STATS, &status) == 0 && status.IsRegularFile;
    }
}
