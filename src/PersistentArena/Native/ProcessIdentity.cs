using System.Globalization;

namespace GuestMemFs.Native;

/// <summary>
/// Which process this is, in a way that a later process cannot be taken for it: pid, when it started, and of which
/// boot.
/// </summary>
/// <param name="Pid">The process id, as seen in its own pid namespace: two containers cannot compare theirs, there only
/// the file lock speaks.</param>
/// <param name="StartTime">Clock ticks after boot (field 22 of /proc/PID/stat).</param>
/// <param name="BootId">Of the running kernel; another one after each boot and each kexec.</param>
internal sealed record ProcessIdentity(int Pid, ulong StartTime, Guid BootId)
{
    private static readonly Lazy<ProcessIdentity> s_current = new(Read);

    /// <summary>This process.</summary>
    public static ProcessIdentity Current => s_current.Value;

    /// <summary>True where this process is still there; a zombie is not, since it cannot store any more.</summary>
    public static bool IsAlive(int pid, ulong startTime) =>
        ReadStat(pid) is { Running: true } stat && stat.StartTime == startTime;

    /// <summary>True where the process was of this boot and is still there.</summary>
    public bool IsAlive() => BootId == Current.BootId && IsAlive(Pid, StartTime);

    private static ProcessIdentity Read()
    {
        int pid = Environment.ProcessId;
        (ulong StartTime, bool Running) stat = ReadStat(pid)
            ?? throw new MediumException(MediumErrorKind.Missing, "read", "/proc/self/stat", Errno.ENOENT,
                "/proc is not mounted, or is of another pid namespace; the writer lock needs it to tell a living " +
                "writer from a dead one.");
        return new ProcessIdentity(pid, stat.StartTime,
            Guid.Parse(File.ReadAllText("/proc/sys/kernel/random/boot_id").AsSpan().Trim()));
    }

    private static (ulong StartTime, bool Running)? ReadStat(int pid)
    {
        string text;
        try
        {
            text = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/stat"));
        }
        catch (IOException)
        {
            return null; // No such process, or it ended while it was read (ESRCH).
        }

        // The second field is the program's name in brackets and may hold anything, brackets included: count from the
        // last one.
        string[] fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        bool zombie = fields[0] is "Z" or "X";
        int threads = int.Parse(fields[17], CultureInfo.InvariantCulture);
        return (ulong.Parse(fields[19], CultureInfo.InvariantCulture), !zombie || threads > 1);
    }
}
