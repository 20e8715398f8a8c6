using System.Globalization;

namespace GuestMemFs.Tests.Infrastructure;

/// <summary>Histories in a line: <c>1: r0[] a0=1 @0-1 | 2: r0[1]</c> is one that read list 0 as empty and appended 1 to
/// it, from time 0 to 1, and one that read it.</summary>
internal static class HistoryText
{
    public static HistoryTransaction[] Parse(string text) => [.. text.Split('|').Select(ParseOne)];

    /// <summary><c>0:1,2 1:3</c>: list 0 is 1, 2, and list 1 is 3.</summary>
    public static Dictionary<int, int[]> ParseLists(string text) => text.Split(' ').Select(it => it.Split(':'))
        .ToDictionary(it => Number(it[0]), it => Numbers(it[1]));

    /// <summary>The steps of a transaction, as they stand behind its number.</summary>
    /// <exception cref="InvalidOperationException">It does not agree with itself.</exception>
    public static string Of(HistoryTransaction transaction) => transaction.OwnFault is { } fault
        ? throw new InvalidOperationException(fault)
        : string.Join(' ', [
            .. transaction.Reads.Select(it => $"r{it.Key}[{string.Join(',', it.Value)}]"),
            .. transaction.Appends.SelectMany(it => it.Value.Select(value => $"a{it.Key}={value}")),
        ]);

    private static HistoryTransaction ParseOne(string text)
    {
        HistoryTransaction transaction = new() { Began = 0 };
        foreach (string step in text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1))
        {
            string[] parts = step[1..].Split(['=', '[', ']', '-'], StringSplitOptions.None);
            switch (step[0])
            {
                case 'r':
                    transaction.Read(Number(parts[0]), Numbers(parts[1]));
                    break;
                case 'a':
                    transaction.Append(Number(parts[0]), Number(parts[1]));
                    break;
                case '@':
                    (transaction.Began, transaction.Ended) = (Number(parts[0]), Number(parts[1]));
                    break;
                default:
                    throw new FormatException($"There is no step '{step}'.");
            }
        }

        return transaction;
    }

    private static int[] Numbers(string text) =>
        [.. text.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Number)];

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
