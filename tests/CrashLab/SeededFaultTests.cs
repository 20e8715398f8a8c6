using System.ComponentModel;
using System.Diagnostics;

namespace GuestMemFs.CrashLab;

/// <summary>
/// The proof can fail: every place in the heap and the dictionary where a store is made is made wrong in turn (the
/// store left out, put after the next one, its barrier taken away), and the lab must notice each, but for the few that
/// a single thread on coherent memory cannot see, which are named here with the reason.
/// </summary>
public sealed class SeededFaultTests(ITestOutputHelper output)
{
    private static readonly (FaultKind Kind, string Code, string Reason)[] s_invisible =
    [
        (FaultKind.Drop, "Persist.Publish((ulong*)state.At(root.Shape)",
            "roots of structs have a workload of their own, which notices it"),
        (FaultKind.Late, "Persist.Publish((ulong*)state.At(root.Shape)",
            "the next store is the header of another new block of the same intent"),
        (FaultKind.Drop, "Slot.Version", "versions are for concurrent readers, which have tests of their own"),
        (FaultKind.Late, "Slot.Version", "versions are for concurrent readers, which have tests of their own"),
        (FaultKind.Late, "// COMMIT POINT: update", "the next store is the bucket's version"),
        (FaultKind.Late, "// COMMIT POINT: removal", "the next store is the bucket's version"),
        (FaultKind.Late, "Persist.Publish(link, intent.Value)", "the next store is the bucket's version"),
        (FaultKind.Late, "Persist.Publish(slot, intent.Value);", "the next store is the bucket's version"),
        (FaultKind.Late, "BlockHeader.TypeTable",
            "the next store is the header of another new block of the same intent"),
        (FaultKind.Late, "(ulong)intent.Keys", "the next store is another counter of the same intent"),
        (FaultKind.Late, "(ulong)intent.Bytes", "the next store is another counter of the same intent"),
        (FaultKind.Late, "words[IntentWord.Keys]", "the next store is another counter of the same intent"),
        (FaultKind.Late, "words[IntentWord.Bytes]", "the next store is another counter of the same intent"),
        (FaultKind.Late, "Persist.Publish(word, (ulong)expiresAt)", "the next store is the count of keys, which stays"),
        (FaultKind.Late, "Persist.Publish(Word(page)", "no block of the page is in use until the store after the next"),
        (FaultKind.Drop, "Persist.Store(header, _reserved)", "matters within one attach only: tests of full heaps"),
        (FaultKind.Drop, "Persist.Store((ulong*)(_space.Base + block), BlockHeader.Free)",
            "matters within one attach only: tests of full heaps"),
        (FaultKind.Drop, "Persist.Store((ulong*)state.At(block), BlockHeader.Free)",
            "matters within one attach only: tests of full heaps"),
        (FaultKind.Drop, "Persist.Publish(state.RecoveredWord",
            "it is for readers of other processes: ScheduleLab's deaths"),
        (FaultKind.Late, "Persist.Publish(state.RecoveredWord",
            "it is for readers of other processes: ScheduleLab's deaths"),
        (FaultKind.Late, "// COMMIT POINT: feature", "what needs it does not count before the stores after the next"),
        (FaultKind.Drop, "Persist.Publish(crc, whole)",
            "a header whose checksum leaves out its newest feature is taken, and completed"),
        (FaultKind.Late, "Persist.Publish(crc, whole)",
            "a header whose checksum leaves out its newest feature is taken, and completed"),
        (FaultKind.Late, "public void MarkUndone(int index)", "what is undone twice is as if it were undone once"),
    ];

    // In the arena and its journal: what no crash and no damage can show.
    private static readonly (FaultKind Kind, string Code, string Reason)[] s_invisibleInArena =
    [
        (FaultKind.Late, "// COMMIT POINT: early end counted", "nothing depends on it but the count itself"),
        (FaultKind.Late, "// COMMIT POINT: early ends forgotten", "no store follows that it could come after"),
        (FaultKind.Late, "Persist.Publish((ulong*)(file + fileLength - BlockBytes), 0)",
            "the next store is a mark's epoch, and no mark counts before its generation"),
        (FaultKind.Late, "Persist.Copy(block + sizeof(ulong)", "the checksum tells a torn identity as well"),
        (FaultKind.Late, "Persist.Copy(half + sizeof(ulong)", "the checksum tells a torn header as well"),
        (FaultKind.Late, "Persist.Copy(at, new ReadOnlySpan<byte>(&copy, Bytes))",
            "the writer's record is for people; the epoch behind it decides"),
        (FaultKind.Late, "SealedWord.Seal(epoch, layout.Seed(WordKind.Open))",
            "the next store is the writer's record, which is for people"),
        (FaultKind.Drop, "Persist.Publish((ulong*)at, CreatingMagic)",
            "creation began with it, and a torn superblock does not check"),
        (FaultKind.Late, "Persist.Publish((ulong*)at, CreatingMagic)",
            "creation began with it, and a torn superblock does not check"),
        (FaultKind.Late, "Persist.Publish((ulong*)at, ArenaMagic)",
            "the other copy stands for it until the next store"),
        (FaultKind.Late, "SealedWord.Seal((uint)tail, seed)",
            "the half is not in force until the store after the next"),
        (FaultKind.Late, "Persist.Copy(half + JournalHeader.LogOffset", "the half is not in force until a later store"),
        (FaultKind.Late, "SealedWord.Seal((uint)record.Length, seed)", "nothing counts before the superblock's magic"),
        (FaultKind.Late, "SealedWord.Seal(First, layout.Seed(WordKind.Active))",
            "nothing counts before the superblock's magic"),
        (FaultKind.Late, "SealedWord.Seal(0, layout.Seed(", "nothing counts before the superblock's magic"),
        (FaultKind.Drop, "Persist.Fill(layout.WriterRecord",
            "the first writer's record is written over it before anybody can read it"),
        (FaultKind.Late, "SealedWord.Seal(image.Generation, activeSeed)",
            "repairs can be made in any order: what is not done is found again"),
    ];

    // In a sorted map, beside what the heap does.
    private static readonly (FaultKind Kind, string Code, string Reason)[] s_invisibleInMap =
    [
        (FaultKind.Drop, ".VersionWord", "versions are for concurrent readers, which have tests of their own"),
        (FaultKind.Late, ".VersionWord", "versions are for concurrent readers, which have tests of their own"),
        (FaultKind.Late, "// COMMIT POINT: nodes", "the next store is the tree's version"),
        (FaultKind.Late, "// COMMIT POINT: entry out", "the next store is the leaf's version"),
        (FaultKind.Late, "// COMMIT POINT: entry's record", "the next store is the leaf's version"),
        (FaultKind.Late, "// COMMIT POINT: entry's move", "the next store is the leaf's version"),
        (FaultKind.Late, "Persist.Copy(node.FenceAt, fence)", "nobody looks at a node before its header"),
        (FaultKind.Late, "Persist.Copy(heap + copy + sizeof(ulong),", "nor at a record"),
        (FaultKind.Late, "RecordFormat.KeyLength(header), value)", "nor at a record"),
        (FaultKind.Late, "Persist.Publish(root.ChangesWord", "it is for readers of ranks; its end is another store"),
        (FaultKind.Late, "Persist.Publish(root.PendingWord", "the next store is an intent's, which does not count yet"),
        (FaultKind.Late, "Persist.Publish((ulong*)record, header)", "the next stores fill a slot that is not in use"),
        (FaultKind.Late, "Persist.Publish(total,", "all of them are added up again, until the next change begins"),
        (FaultKind.Late, "Persist.Publish(branch.TotalWord", "they are added up again, until the next change begins"),
        (FaultKind.Drop, "Persist.Store((ulong*)target.Record, BlockHeader.Free)",
            "matters within one attach only: tests of full heaps"),
    ];

    // In a log, beside what the heap does.
    private static readonly (FaultKind Kind, string Code, string Reason)[] s_invisibleInLog =
    [
        (FaultKind.Late, "// COMMIT POINT: log trim back", "a note brings all of it back again, in any order"),
        (FaultKind.Late, "// COMMIT POINT: log entries back", "the next store is the log's version"),
        (FaultKind.Late, "// COMMIT POINT: log segment back", "the next store is the log's version"),
        (FaultKind.Late, "// COMMIT POINT: log segment out", "the next store is the log's version"),
        (FaultKind.Late, "// COMMIT POINT: log position out", "the next store is the log's version"),
        (FaultKind.Late, "// COMMIT POINT: log directory", "the next store is the log's version"),
        (FaultKind.Drop, "Persist.Publish(memory.Root.GroupWord, 0)",
            "a note that its group's end has freed hides nothing: the word matters where that end failed"),
        (FaultKind.Late, "Persist.Publish(memory.Root.GroupWord", "the next store is the log's version"),
        (FaultKind.Late, "LogSegment.Header(segment.Size)",
            "the next store is a slot that is not in use yet, or the header of another new block of the same intent"),
    ];

    // In what makes and deletes roots.
    private static readonly (FaultKind Kind, string Code, string Reason)[] s_invisibleInRoots =
    [
        (FaultKind.Drop, "Persist.Store((ulong*)(_base + LifeOf(slot)), 0);",
            "the next root here stores over it; one of an older library would not"),
        (FaultKind.Late, "Persist.Publish((ulong*)state.At(root.Shape)",
            "the next store is the header of another new block of the same intent"),
        (FaultKind.Drop, "Persist.Publish(life, *life + 1)",
            "it is for readers of other processes, which have a test of their own"),
        (FaultKind.Late, "Persist.Publish(life, *life + 1)",
            "the next stores are an intent's, which does not count yet"),
        (FaultKind.Late, "Encoding.UTF8.GetBytes(text));", "nobody looks at a shape before its block's header"),
    ];

    private static readonly (string Place, string Reason)[] s_callsWithoutNeed =
    [
    ];

    [Fact]
    public void Every_fault_of_a_store_in_heap_and_dictionary_is_caught()
    {
        RequireStoresCaught("dictionary", "heap and dictionary", s_invisible, [PlaceKind.Store, PlaceKind.Publish], 80);
    }

    [Fact]
    public void Every_fault_of_a_store_in_a_sorted_map_is_caught()
    {
        PlaceKind[] kinds = [PlaceKind.Store, PlaceKind.Publish, PlaceKind.Copy];
        RequireStoresCaught("sorted map", "sorted map", s_invisibleInMap, kinds, 30);
    }

    [Fact]
    public void Every_fault_of_a_store_in_a_log_is_caught()
    {
        PlaceKind[] kinds = [PlaceKind.Store, PlaceKind.Publish, PlaceKind.Copy];
        RequireStoresCaught("log", "log", s_invisibleInLog, kinds, 20);
    }

    [Fact]
    public void Every_fault_of_a_store_in_roots_is_caught()
    {
        PlaceKind[] kinds = [PlaceKind.Store, PlaceKind.Publish, PlaceKind.Copy];
        RequireStoresCaught("roots", "roots", s_invisibleInRoots, kinds, 10);
    }

    [Fact]
    public void Every_fault_of_a_store_or_a_call_in_arena_and_journal_is_caught()
    {
        List<string> places = Run("arena", []);
        List<string> faults = Stores(places, s_invisibleInArena, Enum.GetValues<PlaceKind>(), out int invisible);
        string[] calls = [.. places.Where(line => line.StartsWith("place call|", StringComparison.Ordinal))
            .Select(line => line[6..])];
        faults.AddRange(calls.Where(call =>
            !s_callsWithoutNeed.Any(known => call.Split('|')[1].EndsWith(known.Place, StringComparison.Ordinal))));
        faults.Add("checksum|a word too short|" + FaultRunner.All);
        Assert.True(faults.Count >= 20, $"only {faults.Count} faults");
        RequireCaught("arena", "arena and journal", faults, invisible);
    }

    private void RequireStoresCaught(
        string workload,
        string part,
        (FaultKind Kind, string Code, string Reason)[] known,
        PlaceKind[] kinds,
        int least)
    {
        List<string> faults = Stores(Run(workload, []), known, kinds, out int invisible);
        Assert.True(faults.Count >= least, $"only {faults.Count} faults");
        RequireCaught(workload, part, faults, invisible);
    }

    private void RequireCaught(string workload, string part, List<string> faults, int invisible)
    {
        List<string> missed = [];
        foreach ((string fault, string outcome) in RunAll(workload, faults))
        {
            if (!outcome.StartsWith("caught", StringComparison.Ordinal))
            {
                string[] parts = fault.Split('|');
                string what = parts[0] == "store"
                    ? $"{parts[3]} {Path.GetFileName(parts[1])}:{parts[2]}: " +
                        SourceLine(parts[1], int.Parse(parts[2], null))
                    : fault;
                missed.Add($"{outcome}: {what}");
            }
        }

        LabCounts.Add(LabCounts.SeededBugs, part, faults.Count - missed.Count);
        output.WriteLine($"seeded faults in {part}: {faults.Count - missed.Count} of {faults.Count} " +
            $"caught; {invisible} more cannot be seen");
        Assert.True(missed.Count == 0,
            $"{missed.Count} of {faults.Count} faults were not noticed:\n{string.Join('\n', missed)}");
    }

    /// <summary>The faults of all places that store, but for those that are known to be invisible.</summary>
    private static List<string> Stores(
        List<string> places, (FaultKind Kind, string Code, string Reason)[] known, PlaceKind[] kinds, out int invisible)
    {
        List<string> faults = [];
        invisible = 0;
        HashSet<string> stale = [.. known.Select(one => $"{one.Kind} {one.Code}")];
        foreach (string place in places.Where(line =>
            line.StartsWith("place store|", StringComparison.Ordinal)))
        {
            string[] parts = place.Split('|');
            PlaceKind kind = Enum.Parse<PlaceKind>(parts[3]);
            string code = SourceLine(parts[1], int.Parse(parts[2], null));
            Assert.NotEqual("", code);
            if (!kinds.Contains(kind))
            {
                continue;
            }

            foreach (FaultKind fault in kind switch { PlaceKind.Publish => new[] { FaultKind.Drop, FaultKind.Late },
                PlaceKind.Copy => [FaultKind.Drop, FaultKind.Late], _ => [FaultKind.Drop] })
            {
                if (known.FirstOrDefault(one => one.Kind == fault && code.Contains(one.Code, StringComparison.Ordinal))
                    is { Code: not null } one)
                {
                    stale.Remove($"{one.Kind} {one.Code}");
                    invisible++;
                }
                else
                {
                    faults.Add($"store|{parts[1]}|{parts[2]}|{fault}|{parts[4]}");
                }
            }
        }

        Assert.True(stale.Count == 0, "No place of the sources is like this any more: " + string.Join("; ", stale));
        return faults;
    }

    /// <summary>Gives the child fault after fault; where one kills it, the next child goes on behind that.</summary>
    private static IEnumerable<(string Fault, string Outcome)> RunAll(string workload, List<string> faults)
    {
        for (int next = 0; next < faults.Count;)
        {
            string[] batch = [.. faults.Skip(next).Take(20)];
            int done = 0;
            foreach (string line in Run(workload, batch))
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

    /// <summary>The processor time that a child has used; none where it has ended.</summary>
    private static TimeSpan Worked(Process child)
    {
        try
        {
            return child.HasExited ? TimeSpan.Zero : child.TotalProcessorTime;
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception)
        {
            return TimeSpan.Zero; // it ended just now
        }
    }

    private static List<string> Run(string workload, string[] faults)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!) { RedirectStandardOutput = true,
            RedirectStandardError = true, UseShellExecute = false };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Add(typeof(SeededFaultTests).Assembly.Location);
        }

        start.ArgumentList.Add("faults");
        start.ArgumentList.Add(workload);
        Array.ForEach(faults, start.ArgumentList.Add);
        using Process child = Process.Start(start)!;
        child.ErrorDataReceived += (_, _) => { };
        child.BeginErrorReadLine();
        List<string> lines = [];
        Stopwatch sinceLine = Stopwatch.StartNew();
        TimeSpan worked = TimeSpan.Zero;
        using Timer watch = new(_ =>
        {
            // A fault that hangs is noticed too: by what it works, since the machine may be busy, or where it stands.
            if (Worked(child) - worked > TimeSpan.FromMinutes(2) || sinceLine.Elapsed > TimeSpan.FromMinutes(15))
            {
                child.Kill();
            }
        }, null, 1000, 1000);
        while (child.StandardOutput.ReadLine() is { } line)
        {
            sinceLine.Restart();
            worked = Worked(child);
            lines.Add(line);
        }

        child.WaitForExit();
        return lines;
    }

    /// <summary>The folder of the repository that this was built from.</summary>
    internal static string Sources
    {
        get
        {
            DirectoryInfo? folder = new(AppContext.BaseDirectory);
            while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "GuestMemFs.sln")))
            {
                folder = folder.Parent;
            }

            return folder?.FullName ?? throw new DirectoryNotFoundException(
                $"There is no GuestMemFs.sln above {AppContext.BaseDirectory}.");
        }
    }

    internal static string SourceLine(string file, int line)
    {
        // Deterministic builds map the folder of the sources to /_/.
        int source = file.IndexOf("src/PersistentArena/", StringComparison.Ordinal);
        return source < 0 ? "" : File.ReadLines(Path.Combine(Sources, file[source..])).ElementAt(line - 1).Trim();
    }
}
