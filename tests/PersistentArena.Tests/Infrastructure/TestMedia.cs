using System.Diagnostics;
using System.Globalization;
using GuestMemFs.Native;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Tests.Infrastructure;

/// <summary>One medium of each kind that a Linux machine can offer, as theory data.</summary>
/// <remarks>
/// Kinds that this machine cannot give skip the test with the reason (not root, no huge pages to be had).
/// </remarks>
public static class TestMedia
{
    /// <summary>Every kind.</summary>
    public static TheoryData<string> All => ["directory", "tmpfs", "tmpfs-huge", "tmpfs-advise", "hugetlbfs",
        "hugetlbfs-1g", "memfd", "strict"];

    /// <summary>The kinds that are cheap and everywhere; enough where the medium makes no difference.</summary>
    public static TheoryData<string> Cheap => ["directory", "tmpfs", "memfd", "strict"];

    /// <summary>An empty medium; dispose it to unmount and to give reserved pages back.</summary>
    public static TestMedium Create(string kind) => kind switch
    {
        "directory" => TestMedium.OfDirectory(kind, Temporary(Path.GetTempPath())),
        "tmpfs" => Directory.Exists("/dev/shm") ? TestMedium.OfDirectory(kind, Temporary("/dev/shm"))
            : Skip(kind, "/dev/shm is not there"),
        "tmpfs-huge" => Mounted(kind, "tmpfs", "huge=always,size=512m"),
        "tmpfs-advise" => Mounted(kind, "tmpfs", "huge=advise,size=512m"),
        "hugetlbfs" => MountedWith(() => ReservedPages.TryTake(2 << 10, 96), kind,
            "pagesize=2M,size=192M,min_size=192M"),
        "hugetlbfs-1g" => MountedWith(() => ReservedPages.TryTake(1 << 20, 3), kind, "pagesize=1G,size=3G,min_size=3G"),
        "memfd" => TestMedium.OfMedium(kind, Medium.InMemory("test")),
        "strict" => TestMedium.OfMedium(kind, new StrictMedium()),
        _ => throw new ArgumentException($"There is no medium of kind '{kind}'.", nameof(kind)),
    };

    /// <summary>A mount of a filesystem that needs no pages of its own.</summary>
    internal static TestMedium Mounted(string kind, string type, string options)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return Skip(kind, "mounting needs root");
        }

        string directory = Temporary(Path.GetTempPath());
        (int exit, string error) = Run("mount", "-t", type, "-o", options, "guestmemfs-test", directory);
        if (exit != 0)
        {
            Directory.Delete(directory);
            return Skip(kind, $"mount -t {type} -o {options} failed: {error}");
        }

        return TestMedium.OfMount(kind, directory);
    }

    private static TestMedium MountedWith(Func<ReservedPages?> take, string kind, string options)
    {
        lock (ReservedPages.Turn)
        {
            return MountedWith(take(), kind, options);
        }
    }

    private static TestMedium MountedWith(ReservedPages? pages, string kind, string options)
    {
        if (pages is null)
        {
            return Skip(kind, Environment.IsPrivilegedProcess
                ? "the kernel has not enough memory in one piece for the huge pages"
                : "reserving huge pages needs root");
        }

        try
        {
            return Mounted(kind, "hugetlbfs", options).Owning(pages);
        }
        catch
        {
            pages.Dispose();
            throw;
        }
    }

    private static TestMedium Skip(string kind, string reason)
    {
        Assert.Skip($"no {kind} here: {reason}");
        return null!; // Skip throws.
    }

    private static string Temporary(string parent)
    {
        string path = Path.Combine(parent,
            "guestmemfs-test-" + Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture));
        Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }

    /// <summary>Blocks of 512 bytes that a file has.</summary>
    internal static long BlocksOf(string path)
    {
        // File.OpenHandle takes a lock
        using SafeFileHandle handle = GuestMemFs.Media.Descriptors.Own(
            Libc.OpenAt(Libc.AT_FDCWD, path, Libc.O_RDONLY | Libc.O_CLOEXEC, 0), "open", path);
        return (long)GuestMemFs.Media.Descriptors.Status(handle, path).Blocks;
    }

    internal static (int ExitCode, string Error) Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, error.Trim());
    }
}
