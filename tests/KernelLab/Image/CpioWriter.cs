using System.Globalization;
using System.Text;

namespace GuestMemFs.KernelLab.Image;

/// <summary>
/// Writes an archive that the kernel unpacks as its initramfs: cpio's "new ASCII" form
/// (Documentation/driver-api/early-userspace/buffer-format.rst).
/// </summary>
internal sealed class CpioWriter(Stream to)
{
    private const int RegularFile = 0x8000, Folder = 0x4000, CharacterDevice = 0x2000;
    private int _inode;

    public void AddFolder(string path) => Add(path, Folder | 0x1ED /* 0755 */, []);

    public void AddFile(string path, byte[] content) => Add(path, RegularFile | 0x1ED, content);

    /// <summary>A character device: without /dev/console the first program has no output.</summary>
    public void AddDevice(string path, int major, int minor) =>
        Add(path, CharacterDevice | 0x180 /* 0600 */, [], major, minor);

    public void End() => Add("TRAILER!!!", 0, []);

    private void Add(string path, int mode, byte[] content, int major = 0, int minor = 0)
    {
        byte[] name = Encoding.ASCII.GetBytes(path + '\0');
        // Inode, mode, uid, gid, links, mtime, size, device, device of a special file, length of the name, checksum
        // (not used).
        int[] fields = [++_inode, mode, 0, 0, 1, 0, content.Length, 0, 0, major, minor, name.Length, 0];
        byte[] header = Encoding.ASCII.GetBytes(
            "070701" + string.Concat(fields.Select(field => field.ToString("X8", CultureInfo.InvariantCulture))));
        to.Write(header);
        to.Write(name);
        Pad(header.Length + name.Length);
        to.Write(content);
        Pad(content.Length);
    }

    private void Pad(int length) => to.Write(new byte[-length & 3]);
}
