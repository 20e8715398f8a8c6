using System.Globalization;
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

    private static string Name(int i, int round) => string.Create(CultureInfo.InvariantCulture, $"{i}/{round}");
}
