using System.Globalization;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Torture;

/// <summary>A torture on a fresh arena, as the tests and the long profile run it.</summary>
internal static class TortureRun
{
    private const int Connections = 6;

    /// <summary>
    /// Goes on until so many kills are survived. Throws <see cref="TortureException"/>, with all that is known, at the
    /// first thing that is wrong.
    /// </summary>
    /// <param name="trouble">What the server has to bear besides.</param>
    /// <param name="kills">How many.</param>
    /// <param name="seed">Which load, and which instants as far as the machine is the same.</param>
    /// <param name="log">Where a line of figures goes.</param>
    public static TortureCounts Run(Trouble trouble, int kills, int seed, Action<string> log)
    {
        using var server = new RunningServer(trouble.Program, trouble.Place);
        var torture = new Torture(server, trouble, seed, Connections);
        for (int cycle = 1; torture.Counts.Kills < kills; cycle++)
        {
            try
            {
                torture.Cycle();
            }
            catch (Exception e) when (e is TortureException or IOException or InvalidOperationException
                or TimeoutException or System.Net.Sockets.SocketException)
            {
                throw new TortureException($"{trouble.Name}, cycle {cycle}, seed {seed}; the arena is kept " +
                    $"in {server.KeepData()}.\n{e}\nThe server wrote:\n{server.Process.Output}");
            }
        }

        TimeSpan median = torture.Restarts.Order().ElementAt(torture.Restarts.Count / 2);
        log(string.Create(CultureInfo.InvariantCulture,
            $"SIGKILL, {trouble.Name}: {torture.Counts}; {torture.Counts.Unacknowledged:N0} steps in flight had come " +
            $"true; restart to first answer: median {median.TotalMilliseconds:0} ms; seed {seed}"));
        TortureTotals.Add(trouble.Name, torture.Counts);
        return torture.Counts;
    }

    /// <summary>An integer of the environment, or what is the default.</summary>
    public static int Setting(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out int value) ? value
            : otherwise;
}
