using System.Globalization;
using GuestMemFs.Format;
using GuestMemFs.Journal;
using static GuestMemFs.Tests.Journal.JournalMemory;

namespace GuestMemFs.Tests.Journal;

/// <summary>Readers that copy the journal while a writer does nothing but replace it.</summary>
public class JournalSnapshotTests
{
    [Fact]
    [Trait("speed", "slow")]
    public void A_snapshot_is_whole_while_the_writer_compacts_without_a_pause()
    {
        const int Regions = 60;
        using var memory = new JournalMemory();
        MetadataJournal journal = memory.Open();
        for (int i = 1; i <= Regions; i++)
        {
            journal.Commit(Create((ulong)i, Name(i, 0)));
        }

        using var stop = new CancellationTokenSource();
        int compactions = 0;
        var writer = new Thread(() =>
        {
            for (int round = 1; !stop.IsCancellationRequested; round++)
            {
                // One transaction renames them all; then the other half is written over, twice.
                var transaction = new Transaction();
                for (int i = 1; i <= Regions; i++)
                {
                    transaction.Put(Region((ulong)i, Name(i, round)));
                }

                journal.Commit(transaction);
                journal.Compact();
                journal.Compact();
                compactions += 2;
            }
        });
        writer.Start();
        int snapshots = 0;
        try
        {
            for (long end = Environment.TickCount64 + 2000; Environment.TickCount64 < end; snapshots++)
            {
                MetadataTables tables = JournalSnapshot.Take(memory.Layout, "memory", out _).Tables;
                Assert.Equal(Regions, tables.RegionCount);
                Assert.Single(tables.Regions.Select(r => r.Entry.Name.Split('/')[1]).Distinct());
            }
        }
        finally
        {
            stop.Cancel();
            writer.Join();
        }

        Assert.True(snapshots > 100 && compactions > 1000, $"{snapshots} snapshots beside {compactions} compactions");
    }

    [Fact]
    public void A_copy_is_whole_until_the_writer_puts_the_other_half_in_force()
    {
        using var memory = new JournalMemory();
        MetadataJournal journal = memory.Open();
        journal.Commit(Create(1, "a"));
        string then = Describe(journal.Tables);
        JournalCopy copy = new(memory.Layout);
        Assert.True(copy.TryTake());
        Assert.True(copy.IsWhole);
        Assert.Equal(JournalSnapshot.Version(memory.Layout), copy.Version);

        journal.Commit(Create(2, "b"));

        Assert.True(copy.IsWhole);
        Assert.Equal(then, Describe(copy.Read("memory").Tables));
        Assert.NotEqual(JournalSnapshot.Version(memory.Layout), copy.Version);

        journal.Compact();

        Assert.False(copy.IsWhole);
        Assert.True(copy.TryTake());
        Assert.True(copy.IsWhole);
        Assert.Equal(Describe(journal.Tables), Describe(copy.Read("memory").Tables));
    }

    [Fact]
    public unsafe void Without_the_active_word_there_is_no_copy_and_the_newest_half_is_read()
    {
        using var memory = new JournalMemory();
        MetadataJournal journal = memory.Open();
        journal.Commit(Create(1, "a"));
        journal.Compact();
        *memory.Layout.Active ^= 1;

        Assert.False(new JournalCopy(memory.Layout).TryTake());

        JournalImage image = JournalSnapshot.Take(memory.Layout, "memory", out ulong version);
        Assert.Equal((Describe(journal.Tables), 0UL), (Describe(image.Tables), version));
        Assert.Equal(version, JournalSnapshot.Version(memory.Layout)); // so it is not read again at each look
    }

    [Fact]
    public unsafe void A_copy_without_a_tail_word_follows_the_records_and_says_so()
    {
        using var memory = new JournalMemory();
        MetadataJournal journal = memory.Open();
        journal.Commit(Create(1, "a"));
        *(ulong*)(memory.Layout.Half(1) + JournalHeader.TailOffset) ^= 1;

        JournalImage image = JournalSnapshot.Take(memory.Layout, "memory", out _);

        Assert.True(image.TailDamaged);
        Assert.Equal((Describe(journal.Tables), journal.LogLength), (Describe(image.Tables), image.Tail));
    }

    private static string Name(int i, int round) => string.Create(CultureInfo.InvariantCulture, $"{i}/{round}");
}
