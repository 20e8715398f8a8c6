using System.Diagnostics;
using GuestMemFs.Inspection;
using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Heap;

/// <summary>
/// The same histories, over the lives of a writer that is killed (SIGKILL) in the middle of them: what was acknowledged
/// is there, what was in flight is whole or absent, and one order explains what all lives read.
/// </summary>
public sealed class KilledHistoryTests(ITestOutputHelper output)
{
    private const int Kills = 32;

    [Fact]
    [Trait("speed", "slow")]
    public void Groups_and_snapshots_are_strictly_serializable_over_kills_of_the_writer()
    {
        using TestFolder folder = new();
        List<HistoryTransaction> ended = [];
        List<HistoryTransaction> inFlight = [];
        for (int life = 1; life <= Kills; life++)
        {
            string[] files = HistoryWriter.Files(folder.Path, life);
            long killed = Live(folder.Path, life);
            foreach (string file in files)
            {
                (List<HistoryTransaction> some, HistoryTransaction? open) = HistoryWriter.Read(file);
                ended.AddRange(some);
                if (open is not null)
                {
                    open.Ended = killed;
                    inFlight.Add(open);
                }
            }
        }

        using PersistentArena arena = PersistentArena.Open(
            HistoryWriter.OptionsOf(folder["arena"]));
        PersistentHeap heap = HistoryWriter.Open(arena);
        Dictionary<int, int[]> final = HistoryLists.All(heap);
        HashSet<int> there = [.. final.Values.SelectMany(it => it)];
        HistoryTransaction[] wereTrue =
            [.. inFlight.Where(it => it.Appends.Values.Any(list => list.Any(there.Contains)))];
        int atStores = Enumerable.Range(1, Kills).Count(HistoryWriter.IsAimedAtAStore);
        string[] found = [.. Enumerable.Range(1, Kills).Select(life => WhatWasFoundBehind(life, folder.Path, heap))];
        int metByStores = found.Where((_, i) => HistoryWriter.IsAimedAtAStore(i + 1)).Count(it => it.Length > 0);
        output.WriteLine($"of {atStores} kills at a store {metByStores} met a change in flight, of the other "
            + $"{Kills - atStores} {found.Count(it => it.Length > 0) - metByStores}");
        Assert.True(metByStores > atStores / 2, string.Join('\n', found));
        output.WriteLine($"{Kills} kills, {ended.Count} transactions that had ended, {inFlight.Count} in flight, "
            + $"{wereTrue.Length} of those true");
        Assert.True(ended.Count(it => it.Appends.Count > 0) > 100);
        Assert.NotEmpty(inFlight);
        Assert.NotEmpty(wereTrue);
        Assert.Null(HistoryChecker.FindFault([.. ended, .. wereTrue], final));
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }

    // In flight at a life's end is what the next attach found.
    private static string WhatWasFoundBehind(int life, string folder, PersistentHeap last) => life < Kills
        ? File.ReadAllText(System.IO.Path.Combine(folder, HistoryWriter.RecoveryOf(life + 1)))
        : HistoryWriter.InWords(last.Recovery);

    /// <summary>Runs a writer to its death; when that was.</summary>
    private static long Live(string folder, int life)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!) { UseShellExecute = false };
        if (System.IO.Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Add(typeof(KilledHistoryTests).Assembly.Location);
        }

        Array.ForEach(["history-writer", folder, $"{life}"], start.ArgumentList.Add);
        using Process writer = Process.Start(start)!;
        if (!writer.WaitForExit(Patience.Limit))
        {
            writer.Kill();
        }

        Assert.Equal(128 + 9, writer.ExitCode); // SIGKILL
        return Stopwatch.GetTimestamp();
    }
}
