using System.Diagnostics;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Torture;

/// <summary>
/// The server, its arena on tmpfs, and another process that takes and gives back much at once have less memory than
/// they want together. The server may refuse, and the kernel may end one of them, which is a SIGKILL like any other;
/// what was acknowledged stays.
/// </summary>
internal sealed class ScarceMemory(string huge) : Trouble
{
    private const int Limit = 80 << 20;
    private readonly TemporaryMount _mount = new("tmpfs", $"size=40m,huge={huge}");
    private readonly MemoryGroup _group = new(Limit);
    private Process? _hog;

    public override string Name => $"scarce memory (tmpfs, huge={huge})";

    public override ServerProgram Program => _group.Run(TestServer.Program());

    public override string Place => _mount.Path;

    public override bool IsTight => true;

    public override bool KernelMayKill => true;

    /// <summary>How often the other process came to its memory, or was ended for it.</summary>
    public int Hogs { get; private set; }

    public override void Pass(TimeSpan duration, ServerProcess server, Random random)
    {
        Wait(duration * random.NextDouble() * 0.5);
        Hog(random);
        Wait(duration);
        Release();
        Wait(duration * random.NextDouble() * 0.5);
    }

    public override void Dispose()
    {
        Release();
        _mount.Dispose();
        _group.Dispose();
        base.Dispose();
    }

    // dd takes a block of that size, fills it again and again, and writes nothing anywhere.
    private void Hog(Random random)
    {
        _hog = Process.Start(new ProcessStartInfo("/bin/sh", [.. _group.Entering(victim: true), "dd", "if=/dev/zero",
            "of=/dev/null", "status=none", $"bs={random.Next(10, 60)}M"])
        {
            RedirectStandardError = true,
        })!;
        Hogs++;
    }

    private void Release()
    {
        if (_hog is not null)
        {
            _hog.Kill();
            _hog.WaitForExit();
            _hog.Dispose();
            _hog = null;
        }
    }
}
