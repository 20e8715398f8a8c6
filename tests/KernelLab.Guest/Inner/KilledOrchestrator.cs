using System.Globalization;
using GuestMemFs.LiveUpdate;

namespace GuestMemFs.KernelLab.Guest.Inner;

/// <summary>
/// What <c>gmfs live-update run</c> and <c>resume</c> do, by a process that is ended with SIGKILL in the middle: after
/// a write of the plan's journal, and some milliseconds, so that it is in its next step.
/// </summary>
internal static class KilledOrchestrator
{
    /// <summary>The argument that makes this program one.</summary>
    public const string Word = "orchestrate";

    /// <summary>Runs this program as one, and sees to it that it was killed.</summary>
    /// <param name="what">"run" or "resume".</param>
    /// <param name="plan">The plan's file.</param>
    /// <param name="write">After which write of the journal, from one on.</param>
    /// <param name="later">So many milliseconds after it.</param>
    /// <returns>False where it came to its end before that write.</returns>
    public static bool Start(string what, string plan, int write, int later)
    {
        (int code, string text) = Shell.Try(Environment.ProcessPath!, Word, what, plan,
            write.ToString(CultureInfo.InvariantCulture), later.ToString(CultureInfo.InvariantCulture));
        Stage.Check(code is 137 or 0, $"the orchestrator ended with {code}: {text}");
        return code == 137;
    }

    /// <summary>This program as an orchestrator.</summary>
    public static async Task<int> RunAsync(string[] arguments)
    {
        LiveUpdatePlan plan = LiveUpdatePlan.Read(arguments[1]);
        int left = int.Parse(arguments[2], CultureInfo.InvariantCulture), later = int.Parse(arguments[3],
            CultureInfo.InvariantCulture);
        using var updater = new LiveUpdater(plan.Arena) { Written = Count };
        if (arguments[0] == "run")
        {
            await updater.RunAsync(plan).ConfigureAwait(false);
        }
        else
        {
            await updater.ResumeAsync().ConfigureAwait(false);
        }

        return 0;

        void Count()
        {
            if (--left == 0)
            {
                if (later == 0)
                {
                    Die();
                }

                new Thread(() =>
                {
                    Thread.Sleep(later);
                    Die();
                }) { IsBackground = true }.Start();
            }
        }
    }

    // SIGKILL.
    private static void Die() => System.Diagnostics.Process.GetCurrentProcess().Kill();
}
