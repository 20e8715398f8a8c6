using System.Globalization;

namespace GuestMemFs.Tests.Infrastructure;

/// <summary>
/// Whether there is an order of a history's transactions that explains all they read, and in which none comes before
/// one that had ended when it began.
/// </summary>
/// <remarks>After Kingsbury and Alvaro, Elle (VLDB 2020): lists that are appended to tell the order of their
/// writers, and each read says between which of them it stood.</remarks>
internal static class HistoryChecker
{
    /// <summary>What is wrong; null for nothing.</summary>
    /// <param name="history">The transactions that were committed.</param>
    /// <param name="final">The lists at the end.</param>
    public static string? FindFault(HistoryTransaction[] history, IReadOnlyDictionary<int, int[]> final)
    {
        if (history.FirstOrDefault(it => it.OwnFault is not null) is { } own)
        {
            return own.OwnFault;
        }

        Dictionary<int, int> writers = [];
        for (int i = 0; i < history.Length; i++)
        {
            foreach (int value in history[i].Appends.Values.SelectMany(it => it))
            {
                writers.Add(value, i);
            }
        }

        foreach ((int key, int[] values) in final)
        {
            if (values.Distinct().Count() != values.Length || values.Any(it => !writers.ContainsKey(it)))
            {
                return $"list {key} has a value twice, or one that was taken back";
            }
        }

        if (writers.Count != final.Values.Sum(it => it.Length))
        {
            return "a value that was committed is in no list";
        }

        foreach (HistoryTransaction transaction in history)
        {
            foreach ((int key, int[] values) in transaction.Reads)
            {
                if (!final.GetValueOrDefault(key, []).AsSpan().StartsWith(values))
                {
                    return $"list {key} was read as no beginning of what it became";
                }
            }
        }

        return FindCircle(history, Edges(history, final, writers));
    }

    private static HashSet<int>[] Edges(
        HistoryTransaction[] history, IReadOnlyDictionary<int, int[]> final, Dictionary<int, int> writers)
    {
        HashSet<int>[] later = [.. history.Select(_ => new HashSet<int>())];
        foreach (int[] values in final.Values)
        {
            for (int i = 1; i < values.Length; i++)
            {
                Add(writers[values[i - 1]], writers[values[i]]); // write to write
            }
        }

        for (int reader = 0; reader < history.Length; reader++)
        {
            foreach ((int key, int[] values) in history[reader].Reads)
            {
                if (values.Length > 0)
                {
                    Add(writers[values[^1]], reader); // write to read
                }

                int[] all = final.GetValueOrDefault(key, []);
                if (values.Length < all.Length)
                {
                    Add(reader, writers[all[values.Length]]); // read to the write behind it
                }
            }
        }

        int[] byEnd = [.. Enumerable.Range(0, history.Length).OrderBy(i => history[i].Ended)];
        for (int i = 0; i < history.Length; i++)
        {
            foreach (int ended in byEnd.TakeWhile(it => history[it].Ended < history[i].Began))
            {
                Add(ended, i); // the clock
            }
        }

        return later;

        void Add(int before, int after)
        {
            if (before != after)
            {
                later[before].Add(after);
            }
        }
    }

    /// <summary>Takes out what has nothing before it, again and again: what is left over is in a circle or behind
    /// one.</summary>
    private static string? FindCircle(HistoryTransaction[] history, HashSet<int>[] later)
    {
        int[] before = new int[history.Length];
        foreach (int after in later.SelectMany(it => it))
        {
            before[after]++;
        }

        Queue<int> free = new(Enumerable.Range(0, history.Length).Where(i => before[i] == 0));
        int taken = 0;
        while (free.TryDequeue(out int one))
        {
            taken++;
            foreach (int after in later[one].Where(after => --before[after] == 0))
            {
                free.Enqueue(after);
            }
        }

        return taken == history.Length ? null : string.Create(CultureInfo.InvariantCulture,
            $"{history.Length - taken} transactions have no order");
    }
}
