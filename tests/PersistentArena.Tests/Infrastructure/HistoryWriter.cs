using System.Globalization;
using System.Text;
using GuestMemFs.Format;

namespace GuestMemFs.Tests.Infrastructure;

/// <summary>
/// A process that makes history until it kills itself: three threads of groups and one of snapshots, each with a file
/// in which a transaction stands before its commit (<c>I</c>), and its end after it (<c>E</c>).
/// </summary>
internal static class HistoryWriter
{
    private const int Threads = 4;
    private const int MostStores = 2_000;
    private const int MostTransactions = 400; // of a thread; the lists are read whole

    public static ArenaOptions OptionsOf(string directory) => new() { Directory = directory };

    public static PersistentHeap Open(PersistentArena arena) => PersistentHeap.Open(arena.OpenOrCreateRegion(
        "heap", 16 << 20, new RegionOptions { Kind = RegionKind.Heap }));

    /// <summary>The files of one life.</summary>
    public static string[] Files(string folder, int life) =>
        [.. Enumerable.Range(0, Threads).Select(n => Path.Combine(folder, $"history-{life}-{n}"))];

    /// <summary>Whether a life ends in front of one store; the others end at a place of the history.</summary>
    public static bool IsAimedAtAStore(int life) => life % 2 == 1;

    /// <summary>What the attach found that a life begins with, from what the life before left.</summary>
    public static string RecoveryOf(int life) => $"recovery-{life}";

    /// <summary>An attach's report; empty where nothing was in flight.</summary>
    public static string InWords(in HeapRecoveryReport report) => report == default ? "" : report.ToString();

    /// <summary>FOLDER LIFE: is killed on the way, in the middle of a group or of its commit.</summary>
    public static int Run(string[] options)
    {
        string folder = options[0];
        int life = int.Parse(options[1], CultureInfo.InvariantCulture);
        using PersistentArena arena = PersistentArena.OpenOrCreate(OptionsOf(Path.Combine(folder, "arena")));
        PersistentHeap heap = Open(arena);
        File.WriteAllText(Path.Combine(folder, RecoveryOf(life)), InWords(heap.Recovery));
        Random aim = new(life);
        Place place = IsAimedAtAStore(life) ? Place.Store : (Place)(life / 2 % 4);
        if (place == Place.Store)
        {
            StoreWatch.Add(new StoreKill(heap, aim.Next(1, MostStores)));
        }

        _ = HistoryLists.Open(heap);
        int last = life * 1_000_000;
        AimedKill kill = new(aim.Next(5, 150), delay: place == Place.BehindCommit ? -100_000_000 : aim.Next(-30, 5));
        AimedKill? At(params Place[] places) => places.Contains(place) ? kill : null;
        Thread[] threads = [.. Files(folder, life).Select((file, n) => new Thread(() =>
        {
            using FileStream log = new(file, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0);
            Random random = new((life * 10) + n);
            for (int i = 0; i < MostTransactions; i++)
            {
                if (n == Threads - 1)
                {
                    HistoryTransaction snapshot = HistoryLists.InSnapshot(heap, random);
                    Note(log, $"I {snapshot.Began} {HistoryText.Of(snapshot)}\nE {snapshot.Ended}\n");
                }
                else if (HistoryLists.InGroup(heap, random, () => Next(ref last, At(Place.Append)), it =>
                {
                    Note(log, $"I {it.Began} {HistoryText.Of(it)}\n");
                    At(Place.Commit, Place.CommitToo)?.Pass();
                }) is { } group)
                {
                    At(Place.BehindCommit)?.Pass();
                    Note(log, $"E {group.Ended}\n");
                }
            }
        }))];
        Array.ForEach(threads, it => it.Start());
        Array.ForEach(threads, it => it.Join());
        return 1;
    }

    /// <summary>Where the kill is aimed at.</summary>
    private enum Place
    {
        /// <summary>A group that has changed something.</summary>
        Append,

        /// <summary>A commit.</summary>
        Commit,

        /// <inheritdoc cref="Commit"/>
        CommitToo,

        /// <summary>A commit that has returned, and is not acknowledged.</summary>
        BehindCommit,

        /// <summary>One store of whatever thread.</summary>
        Store,
    }

    private static int Next(ref int last, AimedKill? kill)
    {
        kill?.Pass();
        return Interlocked.Increment(ref last);
    }

    /// <summary>What is in such a file: the transactions that ended, and the one whose end is not known.</summary>
    public static (List<HistoryTransaction> Ended, HistoryTransaction? InFlight) Read(string file)
    {
        List<HistoryTransaction> ended = [];
        HistoryTransaction? open = null;
        foreach (string line in File.Exists(file) ? File.ReadAllLines(file) : [])
        {
            string[] words = line.Split(' ', 3);
            long time = long.Parse(words[1], CultureInfo.InvariantCulture);
            if (words[0] == "I")
            {
                open = HistoryText.Parse($"1: {words[2]}")[0];
                open.Began = time;
            }
            else
            {
                open!.Ended = time;
                ended.Add(open);
                open = null;
            }
        }

        return (ended, open);
    }

    // One call of the kernel: there or not.
    private static void Note(FileStream log, FormattableString text) =>
        log.Write(Encoding.UTF8.GetBytes(FormattableString.Invariant(text)));
}
