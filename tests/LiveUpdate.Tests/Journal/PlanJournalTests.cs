namespace GuestMemFs.LiveUpdate.Tests.Journal;

/// <summary>The plan's place in the arena: a record is there or not there.</summary>
public sealed class PlanJournalTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly PersistentArena _arena;
    private readonly PersistentRegion _region;

    public PlanJournalTests()
    {
        _arena = PersistentArena.Create(new ArenaOptions { Directory = _folder.Path });
        _region = _arena.CreateRegion(PlanJournal.RegionName, PlanJournal.RegionLength);
    }

    private Span<byte> Bytes => _region.AsSpan(0, (int)_region.Length);

    public void Dispose()
    {
        _region.Dispose();
        _arena.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void The_newest_record_is_read_and_noise_is_none()
    {
        var journal = new PlanJournal(_region);
        Assert.Null(journal.Read());
        new Random(1).NextBytes(Bytes); // a medium may hand out memory that holds something
        Assert.Null(journal.Read());
        for (int i = 0; i < 5; i++)
        {
            journal.Write(Record($"problem {i}"));
            Assert.Equal($"problem {i}", new PlanJournal(_region).Read()!.Problem);
        }

        PlanRecord read = journal.Read()!;
        Assert.Equal("vm", Assert.Single(read.Participants).Name);
        Assert.Equal(ParticipantStep.Saved, read.Participants[0].Step);
        Assert.Equal(["-nographic"], read.Plan.Machines[0].Arguments);
    }

    [Fact]
    public void A_write_that_ends_anywhere_leaves_the_record_before()
    {
        var journal = new PlanJournal(_region);
        journal.Write(Record("one"));
        journal.Write(Record("two, which is longer"));
        byte[] before = Bytes.ToArray();
        journal.Write(Record("three"));
        byte[] after = Bytes.ToArray();
        int[] changed = [.. Enumerable.Range(0, before.Length).Where(i => before[i] != after[i])];
        Assert.True(changed.Length > 8);

        // The sequence is the last store; what came before it may be there in any order, whole words of it.
        const int Sequence = 0;
        var random = new Random(7);
        for (int trial = 0; trial < 2000; trial++)
        {
            before.CopyTo(Bytes);
            foreach (int at in changed.Where(at => at / sizeof(ulong) != Sequence))
            {
                if (random.Next(2) == 0)
                {
                    Bytes[at] = after[at];
                }
            }

            Assert.Equal("two, which is longer", journal.Read()!.Problem);
        }

        after.CopyTo(Bytes);
        Assert.Equal("three", journal.Read()!.Problem);
    }

    [Fact]
    public void A_damaged_record_is_not_read()
    {
        var journal = new PlanJournal(_region);
        journal.Write(Record("older"));
        journal.Write(Record("newer"));
        byte[] good = Bytes.ToArray();
        int slot = (int)(PlanJournal.RegionLength / 2);
        int end = slot + 64 + 500;
        for (int at = slot; at < end; at++)
        {
            if (good[at] == 0 && at < slot + 64 && at >= slot + 20)
            {
                continue; // nothing is there
            }

            good.CopyTo(Bytes);
            Bytes[at] ^= 0x10;
            Assert.Equal("older", journal.Read()!.Problem);
        }
    }

    [Fact]
    public void What_does_not_fit_is_refused_and_the_record_before_stays()
    {
        var journal = new PlanJournal(_region);
        journal.Write(Record("fits"));
        Assert.Contains("too many participants", Assert.Throws<LiveUpdateException>(() =>
            journal.Write(Record(new string('x', 2 << 20)))).Message, StringComparison.Ordinal);
        Assert.Equal("fits", journal.Read()!.Problem);
    }

    private static PlanRecord Record(string problem) => new()
    {
        Id = Guid.NewGuid(),
        BootId = Guid.NewGuid(),
        Problem = problem,
        Plan = new LiveUpdatePlan { Arena = "/a", Kernel = new KernelSettings { Image = "/k" },
            Machines = [new MachineSettings { Name = "vm", Regions = ["vm"], Monitor = "/m",
                Arguments = ["-nographic"] }] },
        Participants = [new ParticipantRecord { Name = "vm", Step = ParticipantStep.Saved, Saved = "{}" }],
    };
}
