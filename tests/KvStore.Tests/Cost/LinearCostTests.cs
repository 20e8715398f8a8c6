using System.Net.Sockets;
using KvStore.Commands;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Cost;

/// <summary>
/// No command costs more than time linear in what a client sends for it and is answered, or sent before to make what
/// it works on: eight times as much takes at most some 24 times the time, where what rises with the square takes 64.
/// </summary>
[Trait("speed", "slow")]
public sealed class LinearCostTests(ITestOutputHelper output)
{
    private const int Growth = 8;
    private const int Tolerance = 5;

    /// <summary>Below it what a command costs at any length is most of it, and the measure coarse.</summary>
    private static readonly TimeSpan s_least = TimeSpan.FromMilliseconds(0.5);

    /// <summary>What a short command may take, whatever it works on: a hundredth of it is usual.</summary>
    private static readonly TimeSpan s_mostOfShort = TimeSpan.FromMilliseconds(1.5);

    /// <summary>Commands of which no argument grows, or that end the connection or the server.</summary>
    internal static readonly string[] Without =
    [
        "dbsize", "discard", "exec", "lastsave", "monitor", "multi", "quit", "randomkey", "reset", "save", "shutdown",
        "time", "unwatch", "bgsave", "debug", "role", "wait", "psync", "sync", "asking", "readonly", "readwrite",
    ];

    [Fact]
    public void Requests_of_many_arguments_cost_linear_time() => RequireLinear(CostLines.Many, 2_000, 2_000 * Growth);

    [Fact]
    public void Requests_with_a_long_argument_cost_linear_time() =>
        RequireLinear(CostLines.Long, 1 << 19, Growth << 19);

    [Fact]
    public void Short_requests_cost_no_more_on_what_is_large()
    {
        using RunningServer server = TestServer.Start("1G");
        List<string> faults = [];
        foreach (string line in CostLines.Short)
        {
            TimeSpan cost = Repeated(server, line, 24 << 20, cost => cost <= s_mostOfShort);
            if (cost > s_mostOfShort)
            {
                faults.Add($"{line}: {cost.TotalMilliseconds:F2} ms");
            }
        }

        Assert.True(faults.Count == 0, string.Join('\n', faults));
    }

    [Fact]
    public void Any_argument_of_any_command_may_be_long()
    {
        using RunningServer server = TestServer.Start("1G");
        string[] lines = [.. BuiltIn.Table.All.Where(it => !Without.Contains(it.Name)).SelectMany(OneLongEach)];

        Judge(server, lines, 1 << 16, Growth << 16);
    }

    [Fact]
    public void Every_command_has_a_line_that_grows()
    {
        HashSet<string> tried = [.. CostLines.Many.Concat(CostLines.Long).Concat(CostLines.Short)
            .SelectMany(line => line.Split('|')).Select(it => it.Split(' ')[0].ToLowerInvariant())];
        string[] variable = [.. BuiltIn.Table.All.Where(it => it.Arity < 0).Select(it => it.Name)
            .Where(it => !tried.Contains(it) && !Without.Contains(it))];

        Assert.Empty(variable);
    }

    [Fact]
    public void A_command_whose_cost_rises_with_the_square_is_found()
    {
        const string Square = "EVAL square 0 {a#}";
        using RunningServer server = TestServer.Start("1G");
        Repeated(server, Square, 500 * Growth, static _ => false); // or the longer request runs as faster code

        string? fault = FindFault(server, Square, 500, 500 * Growth);

        output.WriteLine($"{fault}");
        Assert.NotNull(fault);
    }

    internal static IEnumerable<string> OneLongEach(Command command)
    {
        bool waits = command.Name[0] == 'b' && !command.Name.StartsWith("bit", StringComparison.Ordinal);
        int arguments = Math.Min(Math.Abs(command.Arity) + (command.Arity < 0 ? 1 : 0), 8);
        for (int i = 1; i < arguments; i++)
        {
            yield return string.Join(' ', Enumerable.Range(0, arguments)
                .Select(it => it == 0 ? command.Name : it == i ? "~" : waits ? "0.001" : "1"));
        }
    }

    private void RequireLinear(string[] lines, int smaller, int larger)
    {
        using RunningServer server = TestServer.Start("1G");
        Judge(server, lines, smaller, larger);
    }

    private void Judge(RunningServer server, string[] lines, int smaller, int larger)
    {
        List<string> faults = [.. lines.Select(line => FindFault(server, line, smaller, larger)).OfType<string>()];

        Assert.True(faults.Count == 0, $"{faults.Count} of {lines.Length}:\n{string.Join('\n', faults)}");
    }

    private static string? FindFault(RunningServer server, string line, int smaller, int larger)
    {
        try
        {
            Repeated(server, line, smaller / Growth, static _ => true); // compiled, and its memory touched
            TimeSpan less = Repeated(server, line, smaller, static _ => false); // one that was disturbed hides a fault
            TimeSpan most = Tolerance * Growth * (less > s_least ? less : s_least);
            TimeSpan more = Repeated(server, line, larger, cost => cost <= most);
            return more <= most ? null
                : $"{line}: {less.TotalMilliseconds:F2} ms of {smaller}, {more.TotalMilliseconds:F2} ms of {larger}";
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return $"{line}: {e.Message}"; // and the lines after it, should the server still be at it
        }
    }

    /// <summary>The least of some tries, until one is good.</summary>
    private static TimeSpan Repeated(RunningServer server, string line, int n, Func<TimeSpan, bool> isGood) =>
        CostMeter.LeastOf(server,
            [.. line.Split('|').Select(it => LongRequest.Whole(CostMeter.Request(Arguments(it, n))))], isGood);

    private static List<string> Arguments(string line, int n)
    {
        List<string> arguments = [];
        List<string>? group = null;
        foreach (string word in line.Split(' '))
        {
            bool begins = word.StartsWith('{');
            bool ends = word.EndsWith('}');
            string text = word[(begins ? 1 : 0)..(ends ? ^1 : ^0)];
            group = begins ? [] : group;
            (group ?? arguments).Add(group is null ? Word(text, n) : text);
            if (ends && group is not null)
            {
                List<string> repeated = group;
                arguments.AddRange(
                    Enumerable.Range(0, n).SelectMany(i => repeated.Select(it => it.Replace("#", $"{i}"))));
                group = null;
            }
        }

        return arguments;
    }

    private static string Word(string word, int n) => word switch
    {
        "n" => $"{n}",
        "-n" => $"-{n}",
        "script" => "return ARGV",
        "square" => "local n = 0 for _ = 1, #ARGV do for _, it in ipairs(ARGV) do n = n + #it end end return n",
        _ => word.Replace("~", new string('a', n), StringComparison.Ordinal),
    };
}
