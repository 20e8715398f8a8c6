using System.Globalization;

namespace GuestMemFs.KernelLab.Restarts;

/// <summary>What <c>restarts</c> was asked for on the command line.</summary>
/// <param name="Sizes">Bytes of data, rising; 0 for a single key.</param>
/// <param name="Rounds">Restarts by kexec; of the cheaper ones by SIGKILL there are two a round but the first.</param>
/// <param name="Time">A size that would not be done by then is left out.</param>
/// <param name="Docs">True where docs/benchmarks.md and its plot take the result.</param>
internal sealed record RestartOptions(IReadOnlyList<long> Sizes, int Rounds, TimeSpan Time, bool Docs)
{
    public const string Usage = "restarts [--sizes 100M,300M,1G,3G] [--rounds 3] [--minutes 60] [--docs]";
    private const long KiB = 1 << 10, MiB = 1 << 20, GiB = 1 << 30;

    /// <summary>Those of this process.</summary>
    public static RestartOptions Current { get; set; } = new([100 * MiB, 300 * MiB, GiB, 3 * GiB], Rounds: 3,
        TimeSpan.FromMinutes(60), Docs: false);

    /// <summary>Throws <see cref="FormatException"/> with what cannot be read.</summary>
    public static RestartOptions Parse(ReadOnlySpan<string> arguments)
    {
        RestartOptions options = Current;
        while (!arguments.IsEmpty)
        {
            switch (arguments)
            {
                case ["--docs", ..]:
                    options = options with { Docs = true };
                    arguments = arguments[1..];
                    break;
                case ["--sizes", string sizes, ..]:
                    options = options with { Sizes = [.. sizes.Split(',').Select(Size).Distinct().Order()] };
                    arguments = arguments[2..];
                    break;
                case ["--rounds", string rounds, ..]:
                    options = options with { Rounds = Count(rounds) };
                    arguments = arguments[2..];
                    break;
                case ["--minutes", string minutes, ..]:
                    options = options with { Time = TimeSpan.FromMinutes(Count(minutes)) };
                    arguments = arguments[2..];
                    break;
                default:
                    throw new FormatException($"'{arguments[0]}' is not understood: {Usage}");
            }
        }

        return options;
    }

    /// <summary>A size, for people.</summary>
    public static string Name(long size) => size switch
    {
        0 => "one key",
        >= GiB when size % GiB == 0 => $"{size / GiB} GiB",
        >= MiB => $"{size / MiB} MiB",
        _ => $"{size / KiB} KiB",
    };

    private static int Count(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0 ? number
            : throw new FormatException($"'{text}' is not a number above 0: {Usage}");

    private static long Size(string text)
    {
        long unit = text.Length == 0 ? 0 : char.ToUpperInvariant(text[^1]) switch { 'K' => KiB, 'M' => MiB, 'G' =>
            GiB, _ => 1 };
        return long.TryParse(unit == 1 ? text : text[..^1], NumberStyles.None, CultureInfo.InvariantCulture,
            out long number)
            ? number * unit
            : throw new FormatException($"'{text}' is not a size such as 100M: {Usage}");
    }
}
