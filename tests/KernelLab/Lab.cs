using System.Runtime.CompilerServices;
using GuestMemFs.KernelLab;
using GuestMemFs.KernelLab.Image;
using GuestMemFs.KernelLab.Machines;
using GuestMemFs.KernelLab.Parts;

[assembly: AssemblyFixture(typeof(Lab))]
// Two machines at once: most of a scenario is one kernel that boots on one processor. What measures runs alone
// (Program).
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.All, MaxThreads = 2)]
[assembly: TestCollectionOrderer(typeof(LongestFirst))]

namespace GuestMemFs.KernelLab;

/// <summary>
/// The lab: one root image for all machines, made when the first one starts, and one for those that boot systemd.
/// </summary>
public sealed class Lab : IDisposable
{
    // For a scenario whose kernel tripped over QEMU (Transcript.EmulatorTripped): about one boot in thirty does on a
    // busy machine.
    private const int Repeats = 2;

    private static readonly string s_logs = Repository.PathOf("artifacts", "kernel-lab");
    private readonly Lazy<RootImage> _image;
    private readonly Lazy<SystemdImage> _systemd;
    private readonly Lazy<LabParts> _parts = new(LabParts.Require);

    public Lab()
    {
        _image = new Lazy<RootImage>(() => RootImage.Build(Parts));
        _systemd = new Lazy<SystemdImage>(() => SystemdImage.Build(_image.Value));
    }

    /// <summary>
    /// Runs a scenario in a machine of its own; its console stays in <c>artifacts/kernel-lab</c>. Skips the test where
    /// the lab's parts are missing.
    /// </summary>
    internal Transcript Run(Boot boot, [CallerMemberName] string test = "")
    {
        LabParts parts = Parts;
        boot = Kernel.Debugging ? boot.ForDebugging() : boot;
        RootImage image = _image.Value;
        string disk = boot.Systemd ? _systemd.Value.Path : image.Path;
        Directory.CreateDirectory(s_logs);
        string name = string.Join('-',
            [test, boot.Kernel.Name, .. boot.Arguments.Values.Where(value => value.All(char.IsAsciiLetterOrDigit))]);
        Transcript transcript = Once(name);
        for (int again = 1; transcript.EmulatorTripped && again <= Repeats; again++)
        {
            transcript = Once($"{name}-again-{again}");
        }

        return transcript;

        Transcript Once(string log)
        {
            Transcript run = Machine.Run(parts, disk, image.InitialRamDisk, boot,
                Path.Combine(s_logs, log + ".console"));
            File.WriteAllText(Path.Combine(s_logs, log + ".told"), run.Describe());
            LabTimes.Add(log, run);
            return run;
        }
    }

    /// <summary>What the machines are made of; skips the test where it is missing.</summary>
    internal LabParts Parts => _parts.Value;

    public void Dispose()
    {
        if (_systemd.IsValueCreated)
        {
            _systemd.Value.Dispose();
        }

        if (_image.IsValueCreated)
        {
            _image.Value.Dispose();
        }
    }
}
