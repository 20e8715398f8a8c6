using System.Diagnostics;

namespace GuestMemFs.KernelLab.Parts;

/// <summary>
/// What the machines are made of, in a cache folder outside of the repository that <c>Parts/fetch</c> fills: kernels,
/// busybox.
/// </summary>
internal sealed class LabParts
{
    private static readonly string[] s_programs = ["qemu-system-x86_64", "mkfs.ext4"];

    private LabParts(string cache) => Cache = cache;

    public string Cache { get; }

    public string Busybox => Path.Combine(Cache, "tools", "busybox");

    /// <summary>kexec-tools' program, which can do the older kexec_load(2).</summary>
    public string Kexec => Path.Combine(Cache, "tools", "kexec-2.0", "kexec");

    /// <summary>What <c>uname -r</c> says under a kernel of a series.</summary>
    public string Release(string kernel) => Kernel.All.Single(one => one.Name == kernel).Release(this);

    /// <summary>The parts; skips the test with the way to get them where some are not there.</summary>
    public static LabParts Require()
    {
        var parts = new LabParts(LabCache.Folder);
        IEnumerable<string> files = [parts.Busybox, parts.Kexec,
            .. Kernel.All.Select(kernel => Path.Combine(kernel.Folder(parts), "release"))];
        string? missing = files.FirstOrDefault(file => !File.Exists(file))
            ?? s_programs.FirstOrDefault(program => Tool.Find(program) is null);
        if (missing is not null)
        {
            Assert.Skip($"{missing} is missing: {LabCache.Command}{(Kernel.Debugging ? " --debug" : "")} (Debian; " +
                "some minutes, once)");
        }

        return parts;
    }

    /// <summary>Fetches all of it, with the output going where ours goes.</summary>
    public static int Fetch(string[] options)
    {
        using Process process = Process.Start(
            new ProcessStartInfo(Repository.PathOf("tests", "KernelLab", "Parts", "fetch"), options))!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
