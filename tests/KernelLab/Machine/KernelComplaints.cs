using System.Text.RegularExpressions;

namespace GuestMemFs.KernelLab.Machines;

/// <summary>
/// What a kernel says on its console when something is wrong in it: its own BUG and WARNING, KASAN, UBSAN, lockdep,
/// tasks that hang. A scenario fails on it whatever else it found. Not counted are the watchdogs of processors, which
/// bite where the host has no time for the emulator.
/// </summary>
internal static partial class KernelComplaints
{
    private const int Most = 5;

    /// <summary>The lines, the first few of them.</summary>
    public static IEnumerable<string> In(string console) =>
        console.Split('\n').Where(line => Complaint().IsMatch(line) && !Watchdog().IsMatch(line)).Select(line =>
            line.Trim()).Take(Most);

    [GeneratedRegex(
        @"\bBUG: |\bWARNING: |\bKASAN: |\bUBSAN: |\bOops\b|\bINFO: (task|possible|suspicious|trying|inconsistent)|" +
        @"\bkernel BUG at|general protection fault|DEBUG_LOCKS_WARN_ON|refcount_t: ")]
    private static partial Regex Complaint();

    [GeneratedRegex("soft lockup|hard LOCKUP|workqueue lockup|stall")]
    private static partial Regex Watchdog();
}
