using System.Diagnostics;
using System.Globalization;

namespace KvStore.Tests.Torture;

/// <summary>
/// The long profile: <c>KvStore.Tests torture [kills] [seed] [round]</c>. Rounds of fifty kills, each on a fresh arena
/// and with a trouble of its own in turn. Everything about a round comes from the seed and its number, so a run that
/// was broken off goes on at the round it names, and a failure is shown again by its round alone.
/// </summary>
internal static class LongRun
{
    private const int KillsOfRound = 50;

    private static readonly Func<Trouble>[] s_troubles =
    [
        () => new Trouble(), () => new FullArena(), () => new Trouble(), () => new FullDisk("never"),
        () => new Trouble(), () => new WrongClock(),
        () => new Trouble(), () => new Pauses(), () => new Trouble(), () => new FullDisk("always"), () => new Trouble(),
        () => new ScarceMemory("never"),
    ];

    public static int Run(string[] options)
    {
        int kills = Option(0, 5_000), seed = Option(1, Random.Shared.Next()), first = Option(2, 0), round = first;
        using var stop = new CancellationTokenSource();
        Console.CancelKeyPress += (_, e) =>
        {
            e.Cancel = true;
            stop.Cancel();
        };

        Stopwatch watch = Stopwatch.StartNew();
        var counts = new TortureCounts();
        for (; counts.Kills < kills && !stop.IsCancellationRequested; round++)
        {
            try
            {
                using Trouble trouble = s_troubles[round % s_troubles.Length]();
                counts += TortureRun.Run(trouble, Math.Min(KillsOfRound, kills - counts.Kills), HashCode(seed, round),
                    line => Say($"round {round}: {line}"));
            }
            catch (Xunit.Sdk.SkipException e)
            {
                Say($"round {round} was left out: {e.Message}");
            }
            catch (TortureException) when (stop.IsCancellationRequested)
            {
                // Control-C ended the server too, as it ends a whole process group. The round is to be done again.
                break;
            }
            catch (TortureException e)
            {
                Say($"{e.Message}");
                Say($"FAILED in round {round}, after {counts}; again: torture {KillsOfRound} {seed} {round}");
                return 1;
            }
        }

        string ended = counts.Kills < kills ? "stopped" : "passed";
        Say($"{ended}: {counts}, none lost, nothing torn, in {watch.Elapsed.TotalMinutes:F1} minutes");
        Say($"rounds {first} to {round - 1} of seed {seed}; to go on: torture {kills} {seed} {round}");
        return 0;

        int Option(int index, int otherwise) =>
            options.Length > index ? int.Parse(options[index], CultureInfo.InvariantCulture) : otherwise;

        // Spreads the rounds of neighbouring seeds; System.HashCode is another in every process.
        static int HashCode(int seed, int round) => unchecked((seed * 486_187_739) ^ (round * 16_777_619));

        static void Say(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));
    }
}
