using GuestMemFs.Native;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Media;

/// <summary>The group whose members may read files and directories, by owner and mode of what is open.</summary>
internal static class ReadersGroup
{
    private const uint DirectoryBits = 0x28, FileBits = 0x20, Sticky = 0x200, AllBits = 0xFFF; // 0050, 0040, 01000

    /// <summary>The group that may read a file; null where none may.</summary>
    public static uint? Of(in StatX file) => (file.Mode & FileBits) != 0 ? file.Gid : null;

    /// <summary>Lets a group read, or nobody. A sticky directory, which is open to all, stays as it is.</summary>
    /// <exception cref="MediumException">It is not this process's, or the process is not in the group.</exception>
    public static void Set(SafeFileHandle handle, string path, uint? readers)
    {
        StatX status = Descriptors.Status(handle, path);
        if ((status.Mode & Sticky) != 0)
        {
            return;
        }

        uint bits = status.IsDirectory ? DirectoryBits : FileBits;
        uint mode = status.Mode & AllBits & ~bits;
        if (readers is { } group)
        {
            // The group first: what it was before is not to read.
            Require(Libc.FChOwn(handle, Libc.SameUser, group), "fchown", path);
            mode |= bits;
        }

        Require(Libc.FChMod(handle, mode), "fchmod", path);
    }

    private static void Require(int result, string call, string path)
    {
        if (result != 0)
        {
            throw Errno.Exception(Errno.Last, call, path,
                "Readers are let in by the owner, who is a member of the group, or by root.");
        }
    }
}
