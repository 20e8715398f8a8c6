using GuestMemFs.Cli.Tests.Infrastructure;
using GuestMemFs.Format;

namespace GuestMemFs.Cli.Tests.Commands;

/// <summary>Each kind of damage is found, named by its code, and nothing is changed by looking for it.</summary>
public sealed class CheckTests
{
    [Fact]
    public void A_whole_arena_is_whole()
    {
        using TestArena arena = new TestArena().Filled();
        Answer answer = arena.Gmfs("check", "--deep", "--json");
        answer.IsDone();
        Assert.Empty(answer.Findings);
        Assert.Equal(1, answer.Json.GetProperty("checked").GetProperty("heapsDeep").GetInt32());
        Assert.Contains("nothing is wrong", arena.Gmfs("check").Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(40, ReasonCodes.SuperblockRepaired)]
    [InlineData(MetadataLayout.SecondCopy + 40, ReasonCodes.SuperblockRepaired)]
    [InlineData(MetadataLayout.ActiveWord, ReasonCodes.ActiveWordRepaired)]
    [InlineData(MetadataLayout.StateWord, ReasonCodes.StateWordDamaged)]
    [InlineData(MetadataLayout.EpochWord, ReasonCodes.EpochRepaired)]
    [InlineData((2 << 20) - ExtentIdentity.BlockBytes + 16, ReasonCodes.MetadataIdentityRepaired)]
    public void What_the_next_writer_mends_is_a_warning(int offset, string code)
    {
        using TestArena arena = new TestArena().Filled();
        arena.Damage("arena.meta", offset);
        Dictionary<string, byte[]> before = arena.Bytes();
        Answer answer = arena.Gmfs("check", "--json");
        answer.Is(1);
        Assert.Contains(code, answer.Findings);
        Assert.All(arena.Bytes(), file => Assert.True(before[file.Key].AsSpan().SequenceEqual(file.Value), file.Key));
        PersistentArena.Open(arena.Options).Dispose();
        arena.Gmfs("check").IsDone();
    }

    [Fact]
    public void A_damaged_journal_is_an_error()
    {
        using TestArena arena = new TestArena().Filled();
        int half = MetadataLayout.FirstHalf + (int)MetadataLayout.HalfSizeFor(2 << 20);
        arena.Damage("arena.meta", half + JournalHeader.LogOffset + 40);
        Answer answer = arena.Gmfs("check", "--json");
        answer.Is(1);
        Assert.Equal([ReasonCodes.JournalDamaged], answer.Findings);
        arena.Gmfs("list").Is(5);
    }

    [Fact]
    public void Files_that_are_missing_short_double_or_foreign_are_found()
    {
        using TestArena arena = new TestArena().Filled();
        using TestArena other = new TestArena().Filled();
        string blob = arena.File("extent-2");
        File.Copy(blob, arena.File("copy"));
        Found(ReasonCodes.ExtentDuplicated);
        File.Delete(arena.File("copy"));

        File.Copy(other.File("extent-1"), arena.File("extent-9"));
        Found(ReasonCodes.ForeignFilesIgnored);
        File.Delete(arena.File("extent-9"));

        File.WriteAllText(arena.File("notes.txt"), "what is this?");
        Found(StrayFile);
        File.Delete(arena.File("notes.txt"));

        // One that an older arena.meta does not know, and one of another time than the metadata.
        byte[] metadata = File.ReadAllBytes(arena.File("arena.meta"));
        arena.Gmfs("create", "later", "2M").IsDone();
        File.WriteAllBytes(arena.File("arena.meta"), metadata);
        Found(ReasonCodes.FilesSetAside);
        File.Delete(arena.File("extent-3"));
        byte[] older = File.ReadAllBytes(blob);
        using (PersistentArena library = PersistentArena.Open(arena.Options))
        {
            library.OpenRegion("blob").Dispose();
        }

        File.WriteAllBytes(blob, older);
        Found(ReasonCodes.ExtentOfOtherGeneration);
        File.WriteAllBytes(arena.File("arena.meta"), metadata);

        byte[] whole = File.ReadAllBytes(blob);
        File.WriteAllBytes(blob, whole[..(4 << 20)]);
        Found(ReasonCodes.ExtentTruncated);
        arena.Gmfs("show", "blob").Is(5);
        File.Delete(blob);
        Found(ReasonCodes.ExtentMissing);
        File.WriteAllBytes(blob, whole);
        arena.Gmfs("check").IsDone();

        void Found(string code)
        {
            Answer answer = arena.Gmfs("check", "--json");
            answer.Is(1);
            Assert.Equal([code], answer.Findings);
        }
    }

    private const string StrayFile = ReasonCodes.StrayFile;

    [Fact]
    public void A_damaged_heap_header_is_found_without_deep()
    {
        using TestArena arena = new TestArena().Filled();
        arena.Damage("extent-1", 8);
        Answer answer = arena.Gmfs("check", "--json");
        answer.Is(1);
        Assert.Equal([ReasonCodes.HeapDamaged], answer.Findings);
    }

    [Theory]
    [Trait("speed", "slow")]
    [InlineData("header, roots and lanes", 0, 1 << 16, 4000)]
    [InlineData("page table", 1 << 16, 9 << 16, 60)]
    [InlineData("dictionary and records", 9 << 16, 40 << 16, 120)]
    public void Whatever_lies_in_a_heap_every_command_ends_with_a_word(string what, int from, int to, int rounds)
    {
        // Words that are not zero become something else: no damage may end the tool, or keep it forever.
        using TestArena arena = new TestArena().Filled(200);
        byte[] whole = File.ReadAllBytes(arena.File("extent-1"));
        int[] words = [.. Enumerable.Range(from / 8, (to - from) / 8).Select(i => i * 8).Where(at =>
            BitConverter.ToUInt64(whole, at) != 0)];
        var random = new Random(20261121);
        int found = 0;
        rounds = Math.Min(rounds, 3 * words.Length);
        for (int round = 0; round < rounds; round++)
        {
            byte[] damaged = (byte[])whole.Clone();
            int at = words[round % words.Length];
            random.NextBytes(damaged.AsSpan(at + (round % 3), 8 - (round % 3)));
            File.WriteAllBytes(arena.File("extent-1"), damaged);
            Answer deep = arena.Gmfs("check", "--deep", "--json");
            Assert.InRange(deep.Code, 0, 1); // 0: it hit bytes that only the application knows.
            found += deep.Code;
            foreach (string[] command in (string[][])[["list"], ["show", "carts"], ["map"], ["top", "--once"],
                ["explain"]])
            {
                Assert.Contains(arena.Gmfs(command).Code, (int[])[0, 1, 5]);
            }
        }

        Assert.True(found > rounds / 5, $"{what}: {found} of {rounds} were found, {words.Length} words");
    }

    [Fact]
    public void A_killed_writer_is_a_note_and_no_problem()
    {
        using TestArena arena = new TestArena().Filled();
        PersistentArena.Open(arena.Options).Abandon();
        Answer answer = arena.Gmfs("check", "--deep", "--json");
        answer.IsDone();
        Assert.Equal([ReasonCodes.NotClosed], answer.Findings);
    }
}
