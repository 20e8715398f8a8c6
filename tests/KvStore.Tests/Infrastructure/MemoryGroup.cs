using System.Globalization;
using KvStore.Demo;

namespace KvStore.Tests.Infrastructure;

/// <summary>
/// A control group with little memory, version 1 or 2, below our own; skips the test where none can be made. What runs
/// in it must end before it is disposed.
/// </summary>
internal sealed class MemoryGroup : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);
    private readonly string _path;
    private readonly string _events;

    /// <param name="limit">The most memory of all processes in it, files of tmpfs included, in bytes.</param>
    public MemoryGroup(long limit)
    {
        string text = limit.ToString(CultureInfo.InvariantCulture);
        (string parent, string file) = Ours();
        _events = file == "memory.max" ? "memory.events" : "memory.oom_control";
        _path = Path.Combine(parent, $"gmf-kvstore-tests-{Environment.ProcessId}-{Guid.NewGuid():N}");
        try
        {
            Directory.CreateDirectory(_path);
            File.WriteAllText(Path.Combine(_path, file), text);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Dispose();
            Assert.Skip($"No control group can be made in {parent}: {e.Message}");
        }
    }

    /// <summary>How many processes of the group the kernel has ended for want of memory.</summary>
    public long Killed => File.ReadLines(Path.Combine(_path, _events))
        .Where(line => line.StartsWith("oom_kill ", StringComparison.Ordinal))
        .Sum(line => long.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture));

    /// <summary>The program, to run in the group.</summary>
    public ServerProgram Run(ServerProgram program) => program with
    {
        Executable = "/bin/sh",
        Arguments = (directory, port, socket) =>
            [.. Entering(victim: false), program.Executable, .. program.Arguments(directory, port, socket)],
    };

    /// <summary>The arguments of /bin/sh that enter the group and become the program behind them.</summary>
    /// <param name="victim">Whether the kernel, when it must end somebody of the group, should end this one.</param>
    public IEnumerable<string> Entering(bool victim) =>
        ["-c", $"echo $$ >'{_path}/cgroup.procs' " +
            $"&& {(victim ? "echo 1000 >/proc/self/oom_score_adj && " : "")}exec \"$@\"", "sh"];

    public void Dispose()
    {
        // The kernel takes a moment to see that nobody is in it any more.
        SpinWait.SpinUntil(
            () =>
            {
                try
                {
                    Directory.Delete(_path);
                }
                catch (DirectoryNotFoundException)
                {
                    // It could not be made.
                }
                catch (IOException)
                {
                    return false;
                }

                return true;
            },
            s_patience);
    }

    private static (string Path, string LimitFile) Ours()
    {
        string[][] groups = [.. File.ReadLines("/proc/self/cgroup").Select(line => line.Split(':', 3))];
        string? Of(Func<string[], bool> which) => groups.FirstOrDefault(which)?[2].Trim('/');
        return Of(g => g[1].Split(',').Contains("memory")) is { } old
            ? (Path.Combine("/sys/fs/cgroup/memory", old), "memory.limit_in_bytes")
            : (Path.Combine("/sys/fs/cgroup", Of(g => g[0] == "0") ?? ""), "memory.max");
    }
}
