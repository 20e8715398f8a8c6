using System.Text;
using GuestMemFs.KernelLab.Parts;

namespace GuestMemFs.KernelLab.Image;

/// <summary>
/// The initramfs, one for all kernels: finds the disk, mounts the root image and hands over to its <c>/init</c>.
/// </summary>
internal static class InitialRamDisk
{
    private const string Init = """
        #!/bin/busybox sh
        b=/bin/busybox
        $b mount -t devtmpfs dev /dev
        # The kernels that have it built in do not need it.
        m=/modules/$($b uname -r)/virtio_blk.ko
        [ ! -e $m ] || $b insmod $m
        for i in $($b seq 200); do [ ! -b /dev/vda ] || break; $b usleep 20000; done
        $b mount -t ext4 -o ro /dev/vda /root || exec $b poweroff -f
        # A user of systemd's own making (DynamicUser) takes a lock in /etc, and has directories in /var.
        if [ -L /root/init ]; then
          $b cp -a /root/etc /etc
          for d in etc var; do $b mount -t tmpfs $d /root/$d; done
          $b cp -a /etc/. /root/etc
          $b mkdir -p /root/var/lib /root/var/cache /root/var/log
          $b mkdir -m 1777 /root/var/tmp
        fi
        $b mount --move /dev /root/dev
        exec $b switch_root /root /init
        """;

    public static void Write(LabParts parts, string path)
    {
        using FileStream file = File.Create(path);
        var archive = new CpioWriter(file);
        foreach (string folder in (string[])["dev", "bin", "root", "modules"])
        {
            archive.AddFolder(folder);
        }

        archive.AddDevice("dev/console", 5, 1);
        archive.AddFile("bin/busybox", File.ReadAllBytes(parts.Busybox));
        archive.AddFile("init", Encoding.ASCII.GetBytes(Init.ReplaceLineEndings("\n") + "\n"));
        foreach (Kernel kernel in Kernel.All)
        {
            archive.AddFolder($"modules/{kernel.Release(parts)}");
            foreach (string module in kernel.Modules(parts).Where(file => Path.GetFileName(file) == "virtio_blk.ko"))
            {
                archive.AddFile($"modules/{kernel.Release(parts)}/virtio_blk.ko", File.ReadAllBytes(module));
            }
        }

        archive.End();
    }
}
