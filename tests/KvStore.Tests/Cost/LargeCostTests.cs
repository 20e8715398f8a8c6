using System.Diagnostics;
using KvStore.Commands;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Cost;

/// <summary>
/// What <see cref="LinearCostTests"/> says of small values, of values up to the longest there may be: a command on one
/// of 511 MiB takes no more than some times eight of what it takes on an eighth of it.
/// </summary>
[Trait("speed", "slow")]
public sealed class LargeCostTests(ITestOutputHelper output)
{
    private const int Growth = 8;
    private const int Tolerance = 5;
    private const int Larger = 511 << 20;
    private const int Smaller = Larger / Growth;

    /// <summary>So much is fresh memory alone, which the kernel gives in steps.</summary>
    private static readonly TimeSpan s_least = TimeSpan.FromMilliseconds(4);

    [Fact]
    public void A_long_value_costs_linear_time_up_to_the_longest()
    {
        using RunningServer server = TestServer.Start("3G");
        List<string> faults = [];
        foreach (string line in CostLines.Longest)
        {
            long started = Stopwatch.GetTimestamp();
            Least(server, line, 1 << 20, TimeSpan.Zero); // compiled
            TimeSpan less = Least(server, line, Smaller, TimeSpan.Zero);
            TimeSpan most = Growth * Tolerance * (less > s_least ? less : s_least);
            TimeSpan more = Least(server, line, Larger, most);
            string said = $"{line}: {less.TotalMilliseconds:F1} ms of {Smaller >> 20} MiB, " +
                $"{more.TotalMilliseconds:F1} ms of {Larger >> 20} MiB";
            output.WriteLine($"{said} ({Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s)");
            if (more > most)
            {
                faults.Add(said);
            }
        }

        Assert.True(faults.Count == 0, string.Join('\n', faults));
    }

    [Fact]
    public void Short_requests_cost_no_more_on_the_longest_value()
    {
        TimeSpan most = TimeSpan.FromMilliseconds(5); // pages of half a gigabyte are given back one by one
        using RunningServer server = TestServer.Start("3G");
        List<string> faults = [];
        foreach (string line in CostLines.ShortOnLongest)
        {
            TimeSpan cost = Least(server, line, Larger, most);
            output.WriteLine($"{line}: {cost.TotalMilliseconds:F2} ms");
            if (cost > most)
            {
                faults.Add($"{line}: {cost.TotalMilliseconds:F2} ms");
            }
        }

        Assert.True(faults.Count == 0, string.Join('\n', faults));
    }

    /// <summary>The last argument of each command may be the longest that is received.</summary>
    [Fact]
    public void The_longest_argument_costs_any_command_no_more_than_some_echoes()
    {
        using RunningServer server = TestServer.Start("3G");
        Least(server, "ECHO ~", 1 << 20, TimeSpan.Zero);
        TimeSpan most = 5 * Least(server, "ECHO ~", Smaller, TimeSpan.Zero);
        List<string> faults = [];
        foreach (Command command in BuiltIn.Table.All.Where(it => !LinearCostTests.Without.Contains(it.Name)))
        {
            string line = LinearCostTests.OneLongEach(command).LastOrDefault() ?? command.Name + " ~";
            TimeSpan cost = Least(server, line, Smaller, most);
            if (cost > most)
            {
                faults.Add($"{line}: {cost.TotalMilliseconds:F1} ms, five echoes are {most.TotalMilliseconds:F1} ms");
            }
        }

        Assert.True(faults.Count == 0, string.Join('\n', faults));
    }

    /// <summary>The least of some tries, until one is good; of one where nothing is said of that.</summary>
    private static TimeSpan Least(RunningServer server, string line, int n, TimeSpan good) => CostMeter.LeastOf(
        server, [.. line.Split('|').Select(it => LongRequest.Of(it, n))],
        cost => good == TimeSpan.Zero || cost <= good);
}
