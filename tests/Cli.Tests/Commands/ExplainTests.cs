using System.Text.Json;
using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Tests.Infrastructure;
using GuestMemFs.Format;

namespace GuestMemFs.Cli.Tests.Commands;

/// <summary>Each of the four questions gets its answer, with a code and a next step.</summary>
public sealed class ExplainTests
{
    [Fact]
    public void A_warm_arena_is_neither_cold_nor_refused_nor_full()
    {
        using TestArena arena = new TestArena().Filled();
        Answer answer = arena.Gmfs("explain", "--json");
        answer.IsDone();
        Assert.DoesNotContain(FindingCodes.Cold, Codes(answer, "Cold"));
        Assert.Empty(Codes(answer, "Refused"));
        Assert.Empty(Codes(answer, "Full"));
        Assert.Contains("It is not: it opens", arena.Gmfs("explain").Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_there_is_cold_and_not_found()
    {
        using var arena = new TestArena();
        Answer answer = arena.Gmfs("explain", "--json");
        answer.Is(1);
        Assert.Equal([ReasonCodes.ArenaNotFound], Codes(answer, "Refused"));
        Assert.Equal([FindingCodes.Cold], Codes(answer, "Cold"));
        Answer nowhere = TestArena.Run(["explain", "--json", "--arena", arena.File("none")]);
        nowhere.Is(1);
        Assert.Equal([ReasonCodes.ArenaNotFound], Codes(nowhere, "Refused"));
    }

    [Fact]
    public void An_empty_arena_and_a_heap_that_nobody_opened_are_cold()
    {
        using var arena = new TestArena();
        arena.Gmfs("create").IsDone();
        Answer empty = arena.Gmfs("explain", "--json");
        empty.Is(1);
        Assert.Contains(FindingCodes.Cold, Codes(empty, "Cold"));
        arena.Gmfs("create", "carts", "4M", "--kind", "heap").IsDone();
        Answer answer = arena.Gmfs("explain", "--json");
        answer.IsDone(); // A region that was just made is no problem.
        Assert.Contains("carts", Findings(answer, "Cold").Select(f => f.GetProperty("subject").GetString()));
    }

    [Fact]
    public void A_writer_a_freeze_and_damage_are_refusals()
    {
        using TestArena arena = new TestArena().Filled();
        using (PersistentArena writer = PersistentArena.Open(arena.Options))
        {
            writer.Freeze();
            Assert.Equal([ReasonCodes.ArenaInUse, ReasonCodes.ArenaFrozen],
                Codes(arena.Gmfs("explain", "--json"), "Refused"));
            writer.Thaw();
        }

        File.Delete(arena.File("extent-2"));
        Assert.Equal([ReasonCodes.ExtentMissing], Codes(arena.Gmfs("explain", "--json"), "Refused"));
        arena.Damage("arena.meta", 40);
        arena.Damage("arena.meta", MetadataLayout.SecondCopy + 40);
        Answer answer = arena.Gmfs("explain", "--json");
        answer.Is(1);
        Assert.Equal([ReasonCodes.SuperblockDamaged], Codes(answer, "Refused"));
    }

    [Fact]
    public void A_regions_policy_and_nodes_are_told_as_they_are()
    {
        Assert.SkipUnless(
            System.IO.Directory.Exists("/dev/shm") && System.IO.Directory.Exists("/sys/devices/system/node/node0"),
            "The kernel tells of no NUMA node 0 (/sys/devices/system/node), or there is no /dev/shm.");
        using TestArena arena = new TestArena().Filled();
        using (var writer = PersistentArena.Open(arena.Options))
        using (PersistentRegion region = writer.OpenRegion("carts"))
        {
            region.SetNuma(NumaPolicy.Bind(0));
        }

        Answer answer = arena.Gmfs("explain", "--json");

        answer.IsDone();
        string text = Findings(answer, "Slow")
            .Single(finding => finding.GetProperty("reason").GetString() == FindingCodes.NumaPlacement
                && finding.GetProperty("subject").GetString() == "carts").GetProperty("text").GetString()!;
        Assert.StartsWith("New memory is taken by bind:0. Of ", text, StringComparison.Ordinal);
        Assert.EndsWith(" lie on node 0.", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_full_heap_is_full()
    {
        using TestArena arena = new TestArena();
        using (PersistentArena library = PersistentArena.Create(arena.Options))
        {
            PersistentDictionary all = PersistentDictionary.OpenOrCreate(
                PersistentHeap.Open(library.CreateRegion("small", 16 * TestArena.MiB,
                    new RegionOptions { Kind = RegionKind.Heap })), "all");
            Assert.Throws<ArenaOutOfSpaceException>(() => Fill(all));
        }

        Answer answer = arena.Gmfs("explain", "--json");
        answer.Is(1);
        Assert.Equal([FindingCodes.HeapNearlyFull], Codes(answer, "Full"));
        Assert.Contains("gmfs grow small", Findings(answer, "Full").Single().GetProperty("next").GetString(),
            StringComparison.Ordinal);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Metadata_without_room_for_names_is_full()
    {
        using TestArena arena = new TestArena();
        using (PersistentArena library = PersistentArena.Create(
            new ArenaOptions { Directory = arena.Directory, MetadataSize = TestArena.MiB }))
        {
            Assert.Throws<ArenaMetadataFullException>(() => Fill(library));
        }

        Answer answer = arena.Gmfs("explain", "--json");
        answer.Is(1);
        Assert.Contains(FindingCodes.MetadataNearlyFull, Codes(answer, "Full"));
        arena.Gmfs("create", new string('y', 128), "2M", "--on-demand").Is(6);
        arena.Gmfs("check").IsDone();
    }

    private static void Fill(PersistentArena arena)
    {
        for (int i = 0; i < 10_000; i++)
        {
            arena.CreateRegion($"{i} {new string('x', 120)}", 2 * TestArena.MiB,
                new RegionOptions { Reserve = RegionReserve.OnDemand }).Dispose();
        }
    }

    [Fact]
    public void A_heap_that_was_full_once_is_not_full()
    {
        using TestArena arena = new TestArena();
        using (PersistentArena library = PersistentArena.Create(arena.Options))
        {
            PersistentDictionary all = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(
                library.CreateRegion("small", 4 * TestArena.MiB, new RegionOptions { Kind = RegionKind.Heap })), "all");
            Assert.Throws<ArenaOutOfSpaceException>(() => Fill(all));
            for (int i = 0; i < 1000; i++)
            {
                all.Remove(BitConverter.GetBytes(i));
            }
        }

        Assert.Empty(Codes(arena.Gmfs("explain", "--json"), "Full"));
    }

    [Fact]
    public void Small_pages_are_slow()
    {
        string directory = Path.Combine(Path.GetTempPath(), "gmfs-test-" + Guid.NewGuid().ToString("N"));
        try
        {
            Directory.CreateDirectory(directory);
            using (Medium medium = Medium.ForDirectory(directory))
            {
                Assert.SkipWhen(medium.Capabilities.PageSize > 4096, "the temporary directory has large pages");
            }

            TestArena.Run(["create", "-a", directory]).IsDone();
            Assert.Contains(FindingCodes.SmallPages,
                Codes(TestArena.Run(["explain", "--json", "-a", directory]), "Slow"));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public void Every_code_is_in_the_table_for_people()
    {
        string table = File.ReadAllText(Repository.PathOf("docs/reasons.md"));
        foreach (string code in typeof(Finding).GetFields().Select(f => f.GetRawConstantValue()).OfType<string>())
        {
            Assert.Contains($"| {code} |", table, StringComparison.Ordinal);
        }
    }

    private static void Fill(PersistentDictionary dictionary)
    {
        for (int i = 0; i < 100_000; i++)
        {
            dictionary.Set(BitConverter.GetBytes(i), new byte[1000]);
        }
    }

    private static JsonElement[] Findings(Answer answer, string question) =>
        [.. answer.Json.GetProperty("answers").EnumerateArray().Single(a =>
            a.GetProperty("question").GetString() == question).GetProperty("findings").EnumerateArray()];

    private static string[] Codes(Answer answer, string question) =>
        [.. Findings(answer, question).Select(f => f.GetProperty("reason").GetString()!)];
}
