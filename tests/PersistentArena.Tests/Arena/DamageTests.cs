using GuestMemFs.Format;
using GuestMemFs.Tests.Infrastructure;
using static GuestMemFs.Tests.Arena.ArenaTest;

namespace GuestMemFs.Tests.Arena;

/// <summary>
/// Files that were broken from outside: opened right, mended with a word, or refused; never served wrong.
/// </summary>
public class DamageTests(ITestOutputHelper output)
{
    [Fact]
    [Trait("speed", "slow")]
    public void Any_flipped_byte_of_the_metadata_is_harmless_mended_or_refused()
    {
        SortedDictionary<string, int> outcomes = DamageEach((good, at) => (byte)(good ^ (1 << (at % 8))), out int log);
        Assert.Equal(2 * 124, outcomes[ReasonCodes.SuperblockRepaired]);
        Assert.Equal(8, outcomes[ReasonCodes.ActiveWordRepaired]);
        Assert.Equal(8, outcomes[ReasonCodes.StateWordDamaged]);
        Assert.Equal(8, outcomes[ReasonCodes.EpochRepaired]);
        Assert.Equal(8, outcomes[ReasonCodes.TailWordRepaired]);
        Assert.Equal(44, outcomes[ReasonCodes.JournalHeaderRepaired]);
        Assert.Equal(60, outcomes[ReasonCodes.MetadataIdentityRepaired]);
        Assert.Equal(log, outcomes["refused " + ReasonCodes.JournalDamaged]);
        Assert.Equal(9, outcomes.Count); // and those that change nothing
    }

    [Theory]
    [Trait("speed", "slow")]
    [InlineData(0x00)]
    [InlineData(0xFF)]
    [InlineData(-1)]
    public void Any_byte_of_the_metadata_may_be_anything(int value)
    {
        Random random = new(1);
        SortedDictionary<string, int> outcomes = DamageEach((_, _) => (byte)(value < 0 ? random.Next(256) : value),
            out _);
        string[] known =
        [
            "", ReasonCodes.SuperblockRepaired, ReasonCodes.ActiveWordRepaired, ReasonCodes.StateWordDamaged,
            ReasonCodes.EpochRepaired, ReasonCodes.TailWordRepaired, ReasonCodes.JournalHeaderRepaired,
            ReasonCodes.MetadataIdentityRepaired, "refused " + ReasonCodes.JournalDamaged,
        ];
        Assert.Empty(outcomes.Keys.Except(known));
        Assert.True(outcomes["refused " + ReasonCodes.JournalDamaged] > 50, "the log's bytes did not count");
    }

    /// <summary>Damages one byte after the other, opens, and says how often what came of it.</summary>
    private SortedDictionary<string, int> DamageEach(Func<byte, int, byte> damage, out int log)
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using (PersistentArena arena = PersistentArena.Create(On(medium)))
        {
            using PersistentRegion region = arena.CreateRegion("data", 2 * MiB);
            Fill(region, 1);
            arena.CreateRegion("second", 2 * MiB).Dispose();
        }

        using var raw = new RawFile(medium, "arena.meta");
        using var extent = new RawFile(medium, "extent-1");
        byte[] good = raw.Bytes.ToArray();
        byte[] goodExtent = extent.Bytes.ToArray();
        int half = MetadataLayout.FirstHalf + (int)MetadataLayout.HalfSizeFor(good.Length); // generation 1
        log = (int)(uint)BitConverter.ToUInt64(good, half + JournalHeader.TailOffset);
        int identity = good.Length - ExtentIdentity.BlockBytes;
        IEnumerable<int> places = Enumerable.Range(0, Superblock.Bytes)
            .Concat(Enumerable.Range(MetadataLayout.SecondCopy, Superblock.Bytes))
            .Concat(Enumerable.Range(MetadataLayout.ActiveWord, 0x100))
            .Concat(Enumerable.Range(half, JournalHeader.LogOffset + log))
            .Concat(Enumerable.Range(identity, ExtentIdentity.Bytes));
        var outcomes = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (int at in places)
        {
            good.CopyTo(raw.Bytes);
            goodExtent.CopyTo(extent.Bytes);
            raw.Bytes[at] = damage(good[at], at);
            string outcome;
            try
            {
                using PersistentArena arena = PersistentArena.Open(On(medium));
                Assert.Equal(["data", "second"], arena.ListRegions().Select(r => r.Name));
                Assert.True(arena.Epoch >= 2, "the epoch never goes back");
                using PersistentRegion region = arena.OpenRegion("data");
                AssertFilled(region, 1, 4096);
                outcome = string.Join('+', arena.AttachReport.Reasons.Select(r => r.Code));
            }
            catch (ArenaException e)
            {
                outcome = "refused " + e.ReasonCode;
            }

            outcomes[outcome] = outcomes.GetValueOrDefault(outcome) + 1;
        }

        output.WriteLine(string.Join('\n', outcomes.Select(o => $"{o.Value,5} {o.Key}")));
        return outcomes;
    }

    [Fact]
    public void Both_superblocks_lost_is_refused_and_nothing_is_touched()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        PersistentArena.Create(On(medium)).Dispose();
        using (var raw = new RawFile(medium, "arena.meta"))
        {
            raw.Bytes[40] ^= 1;
            raw.Bytes[MetadataLayout.SecondCopy + 40] ^= 1;
        }

        byte[] before = RawFile.Read(medium, "arena.meta");
        ArenaDamagedException refused = Assert.Throws<ArenaDamagedException>(() =>
            PersistentArena.OpenOrCreate(On(medium)));
        Assert.Equal(ReasonCodes.SuperblockDamaged, refused.ReasonCode);
        Assert.True(before.AsSpan().SequenceEqual(RawFile.Read(medium, "arena.meta")));
    }

    [Fact]
    public void A_truncated_missing_or_foreign_extent_is_refused_and_the_others_open()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using TestMedium other = TestMedia.Create("tmpfs");
        foreach (TestMedium each in (TestMedium[])[medium, other])
        {
            using PersistentArena arena = PersistentArena.Create(On(each));
            foreach (string name in (string[])["one", "two"])
            {
                using PersistentRegion region = arena.CreateRegion(name, 4 * MiB);
                Fill(region, name.Length + (each == other ? 100 : 0));
            }
        }

        string path = Path.Combine(medium.Directory!, "extent-1");
        string kept = path + ".kept";
        File.Copy(path, kept);
        Refused(ReasonCodes.ExtentTruncated, () => Truncate(path, 2 * MiB),
            e => Assert.Equal((6 * MiB, 2 * MiB), (e.ExpectedLength, e.FoundLength)));
        Refused(ReasonCodes.ExtentTruncated, () => Truncate(path, 0));
        Refused(ReasonCodes.ExtentMissing, () => File.Delete(path));
        Refused(ReasonCodes.ExtentMissing,
            () => File.Copy(Path.Combine(other.Directory!, "extent-1"), path, overwrite: true));
        Refused(ReasonCodes.ExtentMissing,
            () => File.Copy(Path.Combine(medium.Directory!, "extent-2"), path, overwrite: true), duplicatesTwo: true);

        void Refused(string code, Action breakIt, Action<ExtentException>? check = null, bool duplicatesTwo = false)
        {
            File.Delete(path);
            File.Copy(kept, path);
            string away = Path.Combine(other.Directory!, "away");
            File.Move(kept, away);
            breakIt();
            using (PersistentArena arena = PersistentArena.Open(On(medium)))
            {
                ExtentException refused = Assert.Throws<ExtentException>(() => arena.OpenRegion("one"));
                Assert.Equal((code, "one", 1UL), (refused.ReasonCode, refused.Region, refused.ExtentId));
                check?.Invoke(refused);
                if (!duplicatesTwo)
                {
                    using PersistentRegion two = arena.OpenRegion("two");
                    AssertFilled(two, 3);
                }
                else
                {
                    Assert.Equal(ReasonCodes.ExtentDuplicated,
                        Assert.Throws<ExtentException>(() => arena.OpenRegion("two")).ReasonCode);
                }

                Assert.Equal(2, arena.ListRegions().Count);
            }

            File.Move(away, kept);
            File.Copy(kept, path, overwrite: true);
            using (PersistentArena arena = PersistentArena.Open(On(medium)))
            {
                using PersistentRegion one = arena.OpenRegion("one");
                AssertFilled(one, 3);
            }

            File.Copy(path, kept, overwrite: true); // One from before this opening is an older copy now.
        }
    }

    [Fact]
    public void Swapped_files_open_as_what_they_are()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using (PersistentArena arena = PersistentArena.Create(On(medium)))
        {
            for (int i = 1; i <= 2; i++)
            {
                using PersistentRegion region = arena.CreateRegion($"r{i}", 2 * MiB);
                Fill(region, i);
            }
        }

        RawFile.Swap(medium, "extent-1", "extent-2");
        for (int open = 0; open < 2; open++)
        {
            using PersistentArena arena = PersistentArena.Open(On(medium));
            for (int i = 1; i <= 2; i++)
            {
                using PersistentRegion region = arena.OpenRegion($"r{i}");
                AssertFilled(region, i);
            }

            if (open == 0)
            {
                // Deleting goes by identity too: what is left is the other region, not what has its name.
                arena.DeleteRegion("r1");
                using PersistentRegion left = arena.OpenRegion("r2");
                AssertFilled(left, 2);
                arena.CreateRegion("r1", 2 * MiB).Dispose();
                using PersistentRegion again = arena.OpenRegion("r1");
                AssertZero(again);
                Fill(again, 1);
            }
        }
    }

    [Fact]
    public void A_copy_of_a_files_identity_under_other_names_only_is_refused()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using (PersistentArena arena = PersistentArena.Create(On(medium)))
        {
            arena.CreateRegion("r", 2 * MiB).Dispose();
        }

        string path = Path.Combine(medium.Directory!, "extent-1");
        File.Copy(path, path + ".a");
        File.Move(path, path + ".b");
        using PersistentArena again = PersistentArena.Open(On(medium));
        Assert.Equal(ReasonCodes.ExtentDuplicated,
            Assert.Throws<ExtentException>(() => again.OpenRegion("r")).ReasonCode);
    }

    [Fact]
    public void Metadata_that_was_cut_short_is_refused()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using (PersistentArena arena = PersistentArena.Create(On(medium)))
        {
            arena.CreateRegion("r", 2 * MiB).Dispose();
        }

        string path = Path.Combine(medium.Directory!, "arena.meta");
        foreach (long length in (long[])[MiB, 4096, 5, 0])
        {
            Truncate(path, length);
            Assert.ThrowsAny<ArenaException>(() => PersistentArena.OpenOrCreate(On(medium)));
            Assert.Equal(length, new FileInfo(path).Length);
        }
    }

    [Fact]
    public void A_medium_that_vanished_is_an_error_with_a_name()
    {
        using TestMedium medium = TestMedia.Create("strict");
        using PersistentArena arena = PersistentArena.Create(On(medium));
        using PersistentRegion region = arena.CreateRegion("r", 2 * MiB);
        medium.SimulateKexec(); // This kernel is gone.
        ArenaMediumException gone = Assert.Throws<ArenaMediumException>(() => arena.CreateRegion("x", 2 * MiB));
        Assert.Equal(MediumErrorKind.Missing, gone.Kind);
        Assert.Equal(["r"], arena.ListRegions().Select(r => r.Name));
        region.AsSpan(0, 1)[0] = 1;
    }

    private static void Truncate(string path, long length)
    {
        using FileStream file = File.OpenWrite(path);
        file.SetLength(length);
    }
}
