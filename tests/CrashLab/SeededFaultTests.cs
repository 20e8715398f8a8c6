using System.Diagnostics;

namespace GuestMemFs.CrashLab;

/// <summary>
/// The proof can fail: every place in the heap and the dictionary where a store is made is made wrong in turn (the store left out, put after the next one, its barrier
/// taken away), and the lab must notice each, but for the few that a single thread on coherent memory cannot see, which are named here with the reason.
/// </summary>
public sealed class SeededFaultTests(ITestOutputHelper output)
{
    private static readonly (FaultKind Kind, string Code, string Reason)[] s_invisible =
    [
        (FaultKind.Drop, "Slot.Version", "versions are for concurrent readers, which have tests of their own"),
        (FaultKind.Late, "Slot.Version", "versions are for concurrent readers, which have tests of their own"),
        (FaultKind.Late, "// the update is true", "the next store is the bucket's version"),
        (FaultKind.Late, "// the removal is true", "the next store is the bucket's version"),
        (FaultKind.Late, "Persist.Publish(link, intent.Value)", "the next store is the bucket's version"),
        (FaultKind.Late, "Persist.Publish(slot, intent.Value);", "the next store is the bucket's version"),
        (FaultKind.Late, "BlockHeader.TypeTable", "the next store is the header of another new block of the same intent"),
        (FaultKind.Late, "(ulong)intent.Keys", "the next store is another counter of the same intent"),
        (FaultKind.Late, "(ulong)intent.Bytes", "the next store is another counter of the same intent"),
        (FaultKind.Late, "words[IntentWord.Keys]", "the next store is another counter of the same intent"),
        (FaultKind.Late, "words[IntentWord.Bytes]", "the next store is another counter of the same intent"),
        (FaultKind.Late, "Persist.Publish(word, (ulong)expiresAt)", "the next store is the count of keys, which stays"),
        (FaultKind.Late, "Persist.Publish(Word(page)", "no block of the page is in use until the store after the next"),
        (FaultKind.Drop, "Persist.Store(header, _reserved)", "matters within one attach only: tests of full heaps"),
        (FaultKind.Drop, "Persist.Store((ulong*)(_space.Base + block), BlockHeader.Free)", "matters within one attach only: tests of full heaps"),
    ];

    [Fact]
    public void Every_seeded_fault_is_caught()
    {
        List<(string File, int Line, bool Publishes)> places = Places();
        Assert.True(places.Count >= 20, $"only {places.Count} places");
        List<string> faults = [];
        int invisible = 0;
        foreach ((string file, int line, bool publishes) in places)
        {
            string code = SourceLine(file, line);
            Assert.NotEqual("", code);
            foreach (FaultKind kind in publishes ? new[] { FaultKind.Drop, FaultKind.Late } : [FaultKind.Drop])
            {
                if (s_invisible.Any(known => known.Kind == kind && code.Contains(known.Code, StringComparison.Ordinal)))
                {
                    invisible++;
                }
                else
                {
                    faults.Add($"{file}:{line}:{kind}");
                }
            }
        }

        List<string> missed = [];
        foreach ((string fault, string outcome) in RunAll(faults))
        {
            if (!outcome.StartsWith("caught", StringComparison.Ordinal))
            {
                string[] parts = fault.Split(':');
                missed.Add($"{outcome}: {parts[2]} {Path.GetFileName(parts[0])}:{parts[1]}: {SourceLine(parts[0], int.Parse(parts[1], null))}");
            }
        }

        LabCounts.Add(LabCounts.SeededBugs, "heap and dictionary", faults.Count - missed.Count);
        output.WriteLine($"seeded faults: {faults.Count - missed.Count} of {faults.Count} caught; {invisible} more cannot be seen by one thread on coherent memory");
        Assert.True(faults.Count >= 80, $"only {faults.Count} faults");
        Assert.True(missed.Count == 0, $"{missed.Count} of {faults.Count} faults were not noticed:\n{string.Join('\n', missed)}");
    }

    private static List<(string File, int Line, bool Publishes)> Places() =>
    [
        .. Run([]).Where(line => line.StartsWith("place ", StringComparison.Ordinal))
            .Select(line => line[6..].Split(':'))
            .Select(parts => (parts[0], int.Parse(parts[1], null), parts[2] == "publish"))
            .Order(),
    ];

    /// <summary>Gives the child fault after fault; where one kills it, the next child goes on behind that.</summary>
    private static IEnumerable<(string Fault, string Outcome)> RunAll(List<string> faults)
    {
        for (int next = 0; next < faults.Count;)
        {
            string[] batch = [.. faults.Skip(next).Take(20)];
            int done = 0;
            foreach (string line in Run(batch))
            {
                if (line.StartsWith("caught", StringComparison.Ordinal) || line is "missed" or "never")
                {
                    yield return (batch[done++], line);
                }
            }

            if (done < batch.Length)
            {
                yield return (batch[done++], "caught by the end of the process");
            }

            next += done;
        }
    }

    private static List<string> Run(string[] faults)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Add(typeof(SeededFaultTests).Assembly.Location);
        }

        start.ArgumentList.Add("faults");
        Array.ForEach(faults, start.ArgumentList.Add);
        using Process child = Process.Start(start)!;
        child.ErrorDataReceived += (_, _) => { };
        child.BeginErrorReadLine();
        List<string> lines = [];
        Stopwatch sinceLine = Stopwatch.StartNew();
        using Timer watch = new(_ =>
        {
            if (sinceLine.Elapsed > TimeSpan.FromMinutes(2) && !child.HasExited)
            {
                child.Kill(); // a fault that hangs is noticed too
            }
        }, null, 1000, 1000);
        while (child.StandardOutput.ReadLine() is { } line)
        {
            sinceLine.Restart();
            lines.Add(line);
        }

        child.WaitForExit();
        return lines;
    }

    private static string SourceLine(string file, int line)
    {
        // Deterministic builds map the folder of the sources to /_/.
        int source = file.IndexOf("src/PersistentArena/", StringComparison.Ordinal);
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "GuestMemFs.sln")))
        {
            folder = folder.Parent;
        }

        return folder is null || source < 0 ? "" : File.ReadLines(Path.Combine(folder.FullName, file[source..])).ElementAt(line - 1).Trim();
    }
}
