using System.Globalization;
using System.Runtime.InteropServices;
using GuestMemFs.Format;
using GuestMemFs.Journal;
using static GuestMemFs.Tests.Journal.JournalMemory;

namespace GuestMemFs.Tests.Journal;

/// <summary>The journal on memory that may be torn anywhere between two publishing stores.</summary>
public class MetadataJournalTests
{
    [Theory, InlineData(false), InlineData(true)]
    public void What_was_committed_is_read_again(bool stale)
    {
        using var memory = new JournalMemory(stale);
        MetadataJournal journal = memory.Open(out List<AttachReason> findings);
        Assert.Empty(findings);
        journal.Commit(Create(1, "a"));
        journal.Commit(Create(2, "b").Put(Extent(3, 2, ordinal: 1)));
        journal.Commit(new Transaction().Put(Region(1, "c")));
        journal.Commit(new Transaction().DropRegion(2).Put(Extent(2, 0) with { State = ExtentState.Dirty }).DropExtent(
            3));
        journal.Commit(new Transaction().Set(journal.Tables.State with { Frozen = true, FrozenBoot = Guid.NewGuid() }));

        MetadataJournal again = memory.Open(out findings);
        Assert.Empty(findings);
        Assert.Equal(Describe(journal.Tables), Describe(again.Tables));
        Assert.Equal(1, again.Tables.UnusedExtents);
        Assert.Null(again.Tables.Find("a"));
        Assert.Equal(1UL, again.Tables.Find("c")!.Entry.Id);
        Assert.True(again.Tables.State.Frozen);
        Assert.Equal(4UL, again.Tables.State.NextExtentId);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Without_the_active_word_the_newer_half_is_the_one_in_force(int compactions)
    {
        using var memory = new JournalMemory();
        MetadataJournal journal = memory.Open();
        for (int i = 1; i <= compactions; i++)
        {
            journal.Commit(Create((uint)i, $"region {i}"));
            journal.Compact();
        }

        unsafe
        {
            *memory.Layout.Active ^= 1;
        }

        MetadataJournal again = memory.Open(out List<AttachReason> findings);

        Assert.Equal(Describe(journal.Tables), Describe(again.Tables));
        Assert.Equal([ReasonCodes.ActiveWordRepaired], findings.Select(finding => finding.Code));
    }

    [Fact]
    public void The_last_generation_is_never_followed_by_one()
    {
        using var memory = new JournalMemory();
        memory.BeginAt(uint.MaxValue - 1);
        MetadataJournal journal = memory.Open();
        journal.Commit(Create(1, "a"));
        journal.Compact();
        journal.Commit(Create(2, "b"));
        byte[] before = memory.Bytes.ToArray();

        Assert.Throws<ArenaDamagedException>(journal.Compact);

        Assert.Equal(before, memory.Bytes.ToArray());
        Assert.Equal(Describe(journal.Tables), Describe(memory.Open(out List<AttachReason> findings).Tables));
        Assert.Empty(findings);
        memory.Bytes[MetadataLayout.ActiveWord] ^= 1;
        Assert.Equal(Describe(journal.Tables), Describe(memory.Open().Tables));
    }

    [Fact]
    public void Two_regions_can_swap_names_in_one_transaction()
    {
        using var memory = new JournalMemory();
        MetadataJournal journal = memory.Open();
        journal.Commit(Create(1, "a").Put(Region(2, "b")).Put(Extent(2, 2)));
        journal.Commit(new Transaction().Put(Region(1, "b")).Put(Region(2, "a")));
        Assert.Equal(2UL, memory.Open().Tables.Find("a")!.Entry.Id);
        Assert.Equal(1UL, memory.Open().Tables.Find("b")!.Entry.Id);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_commit_that_is_torn_anywhere_did_not_happen()
    {
        using var memory = new JournalMemory(stale: true);
        MetadataJournal journal = memory.Open();
        journal.Commit(Create(1, "first"));
        var random = new Random(5);
        for (int round = 2; round < 30; round++)
        {
            byte[] before = memory.Bytes.ToArray();
            string stateBefore = Describe(journal.Tables);
            journal.Commit(Create((ulong)round, Name(round)));
            byte[] after = memory.Bytes.ToArray();
            List<int> changed = ChangedWords(before, after);

            // The tail word is the highest-ranking store: it is ordered after all others, and whatever part of these is
            // there without it counts for nothing.
            int tail = changed.Single(at => at % MinimumHalf() == TailInHalf());
            for (int trial = 0; trial < 40; trial++)
            {
                byte[] torn = Mix(before, after, changed.Where(at => at != tail && random.Next(2) == 0));
                Assert.Equal(stateBefore, memory.Reopen(torn));
            }

            Assert.Equal(Describe(journal.Tables), memory.Reopen(after));
        }

        static int MinimumHalf() => MetadataLayout.MinimumHalf;
        static int TailInHalf() => (MetadataLayout.FirstHalf + JournalHeader.TailOffset) % MetadataLayout.MinimumHalf;
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_compaction_that_is_torn_anywhere_changes_nothing()
    {
        using var memory = new JournalMemory(stale: true);
        MetadataJournal journal = memory.Open();
        var random = new Random(6);
        for (int round = 1; round < 12; round++)
        {
            journal.Commit(Create((ulong)round, Name(round)));
            string state = Describe(journal.Tables);
            byte[] before = memory.Bytes.ToArray();
            journal.Compact();
            byte[] after = memory.Bytes.ToArray();
            Assert.Equal(state, memory.Reopen(after));
            List<int> changed = ChangedWords(before, after);
            for (int trial = 0; trial < 60; trial++)
            {
                // Not put in force: any part of the new half, with the old half whole.
                byte[] torn = Mix(before, after,
                    changed.Where(at =>
                        at != MetadataLayout.ActiveWord && !OfOldHeader(before, at) && random.Next(2) == 0));
                Assert.Equal(state, memory.Reopen(torn));
            }

            // In force, and the old half not made invalid yet.
            Assert.Equal(state, memory.Reopen(Mix(before, after, changed.Where(at => !OfOldHeader(before, at)))));
        }

        // The old half's header is the one that was valid before.
        static bool OfOldHeader(byte[] before, int at) =>
            at is MetadataLayout.FirstHalf or MetadataLayout.FirstHalf + MetadataLayout.MinimumHalf
            && MemoryMarshal.Read<ulong>(before.AsSpan(at)) == JournalHeader.JournalMagic;
    }

    [Fact]
    public void An_unfinished_compaction_is_never_taken_for_the_newest_half_later()
    {
        using var memory = new JournalMemory();
        MetadataJournal journal = memory.Open();
        journal.Commit(Create(1, "a"));
        byte[] before = memory.Bytes.ToArray();
        journal.Compact();
        byte[] after = memory.Bytes.ToArray();

        // Everything of the compaction but the word that puts it in force and what comes after.
        before.CopyTo(memory.Bytes);
        int newHalf = MetadataLayout.FirstHalf; // generation 2
        after.AsSpan(newHalf, MetadataLayout.MinimumHalf).CopyTo(memory.Bytes[newHalf..]);
        journal = memory.Open(out List<AttachReason> findings);
        Assert.Equal(ReasonCodes.CompactionRolledBack, Assert.Single(findings).Code);
        journal.Commit(Create(2, "b"));

        // Now the active word is lost: the half that has "b" is found, not the one that was rolled back.
        memory.Bytes[MetadataLayout.ActiveWord] ^= 1;
        journal = memory.Open(out findings);
        Assert.Equal(ReasonCodes.ActiveWordRepaired, Assert.Single(findings).Code);
        Assert.NotNull(journal.Tables.Find("b"));
    }

    [Fact]
    public void A_full_log_is_compacted_in_passing_and_a_full_table_refuses_without_a_change()
    {
        using var memory = new JournalMemory();
        MetadataJournal journal = memory.Open();
        for (int i = 0; i < 5000; i++)
        {
            journal.Commit(Create(1 + (ulong)(i % 20), Name(i % 20)));
        }

        Assert.Equal(20, memory.Open().Tables.RegionCount);
        ulong id = 100;
        ArenaMetadataFullException full = Assert.Throws<ArenaMetadataFullException>(Fill);
        Assert.True(full.RegionCount > 250, $"{full.RegionCount} regions in {full.Capacity} bytes");
        Assert.Equal(Describe(journal.Tables), Describe(memory.Open().Tables));
        Assert.Null(journal.Tables.Find(id));

        void Fill()
        {
            for (; id < 10_000; id++)
            {
                Transaction transaction = Create(id, Name((int)id));
                journal.EnsureRoom(transaction.Length);
                journal.Commit(transaction);
            }
        }
    }

    // What is promised room has it, and little more is held back than is needed.
    [Fact]
    public void The_length_after_a_compaction_is_known_before_it_to_a_few_headers()
    {
        using var memory = new JournalMemory();
        MetadataJournal journal = memory.Open();
        for (int regions = 0; regions < 200; regions++)
        {
            int told = MetadataJournal.CompactedLength(journal.Tables);
            journal.Compact();

            int headers = regions < 100 ? 1 : 2;
            Assert.InRange(told - journal.LogLength, 0, headers * RecordHeader.Bytes);
            Assert.Equal(Describe(journal.Tables), Describe(memory.Open().Tables));

            ulong id = (ulong)regions + 1;
            Transaction transaction = Create(id, Name(regions));
            journal.Commit(regions % 3 == 0
                ? transaction.Put(Extent(id + 1000, 0) with { State = ExtentState.Free })
                : transaction);
        }
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(8, true)]
    public void A_log_is_compacted_where_a_record_does_not_fit_and_not_before(int more, bool compacts)
    {
        using var memory = new JournalMemory();
        MetadataJournal journal = memory.Open();
        journal.Commit(Create(1, "a"));
        int shortest = new Transaction().Put(Region(1, "a")).Length;
        while (journal.LogCapacity - journal.LogLength >= 2 * shortest)
        {
            journal.Commit(new Transaction().Put(Region(1, "a")));
        }

        int length = journal.LogCapacity - journal.LogLength + more;
        Transaction exact = new Transaction().Put(Region(1, new string('n', 1 + length - shortest)));
        Assert.Equal(length, exact.Length);

        journal.Commit(exact);

        Assert.Equal(compacts, journal.LogLength < journal.LogCapacity);
        Assert.Equal(Describe(journal.Tables), Describe(memory.Open().Tables));
    }

    [Fact]
    public void Any_flipped_byte_is_mended_with_a_word_or_refused_and_never_believed()
    {
        using var memory = new JournalMemory();
        MetadataJournal journal = memory.Open();
        journal.Commit(Create(1, "a"));
        journal.Compact();
        journal.Commit(Create(2, "bee"));
        string state = Describe(journal.Tables);
        byte[] good = memory.Bytes.ToArray();
        int half = MetadataLayout.FirstHalf;
        var outcomes = new Dictionary<string, int>();
        IEnumerable<int> places = Enumerable.Range(MetadataLayout.ActiveWord, 8)
            .Concat(Enumerable.Range(half, JournalHeader.LogOffset + journal.LogLength + 64));
        foreach (int at in places)
        {
            foreach (byte flip in (byte[])[0x01, 0x80, 0xFF])
            {
                good.CopyTo(memory.Bytes);
                memory.Bytes[at] ^= flip;
                string outcome;
                try
                {
                    MetadataJournal opened = memory.Open(out List<AttachReason> findings);
                    Assert.Equal(state, Describe(opened.Tables));
                    outcome = findings.Count == 0 ? "identical" : findings.Single().Code;

                    // What was mended stays mended.
                    Assert.Equal(state, Describe(memory.Open(out findings).Tables));
                    Assert.Empty(findings);
                }
                catch (ArenaDamagedException e)
                {
                    outcome = e.ReasonCode;
                }

                outcomes[outcome] = outcomes.GetValueOrDefault(outcome) + 1;
            }
        }

        Assert.Equal(3 * 8, outcomes[ReasonCodes.ActiveWordRepaired]);
        Assert.Equal(3 * 8, outcomes[ReasonCodes.TailWordRepaired]);
        Assert.Equal(3 * 44, outcomes[ReasonCodes.JournalHeaderRepaired]);
        Assert.Equal(3 * journal.LogLength, outcomes[ReasonCodes.JournalDamaged]);
        Assert.Equal(5, outcomes.Count);
    }

    [Fact]
    public void A_superseded_writer_is_fenced_before_it_stores()
    {
        using var memory = new JournalMemory();
        MetadataJournal journal = memory.Open();
        journal.Commit(Create(1, "a"));
        unsafe
        {
            Persist.Publish(memory.Layout.Epoch, SealedWord.Seal(2, memory.Layout.Seed(WordKind.Epoch)));
        }

        byte[] before = memory.Bytes.ToArray();
        ArenaFencedException fenced = Assert.Throws<ArenaFencedException>(() => journal.Commit(Create(2, "b")));
        Assert.Equal((1UL, 2UL), (fenced.Epoch, fenced.NewestEpoch));
        Assert.Throws<ArenaFencedException>(journal.Compact);
        Assert.Equal(before, memory.Bytes.ToArray());
    }

    [Fact]
    public void Records_of_another_arena_or_generation_never_fit()
    {
        using var memory = new JournalMemory();
        MetadataJournal journal = memory.Open();
        journal.Commit(Create(1, "a"));
        Guid id = memory.Layout.Superblock.ArenaId;
        ReadOnlySpan<byte> record = Create(1, "a").Seal(5, JournalHeader.SeedOf(id, 3));
        Assert.Equal(record.Length, JournalReader.Follow(record, JournalHeader.SeedOf(id, 3)));
        Assert.Equal(0, JournalReader.Follow(record, JournalHeader.SeedOf(id, 4)));
        Assert.Equal(0, JournalReader.Follow(record, JournalHeader.SeedOf(Guid.NewGuid(), 3)));
    }

    private static string Name(int i) => string.Create(CultureInfo.InvariantCulture,
        $"region-{i}-{new string('x', i % 9)}");

    private static List<int> ChangedWords(byte[] before, byte[] after)
    {
        var changed = new List<int>();
        for (int at = 0; at < before.Length; at += 8)
        {
            if (!before.AsSpan(at, 8).SequenceEqual(after.AsSpan(at, 8)))
            {
                changed.Add(at);
            }
        }

        return changed;
    }

    private static byte[] Mix(byte[] before, byte[] after, IEnumerable<int> words)
    {
        byte[] mixed = [.. before];
        foreach (int at in words)
        {
            after.AsSpan(at, 8).CopyTo(mixed.AsSpan(at));
        }

        return mixed;
    }
}
