using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using GuestMemFs.Cli.Terminal;
using GuestMemFs.Cli.Tests.Infrastructure;

namespace GuestMemFs.Cli.Tests.Commands;

/// <summary>
/// Commands that look: what they say is what is there, beside a writer or not, and not one byte changes.
/// </summary>
public sealed class LookingTests
{
    [Fact]
    public void List_names_the_regions_with_what_they_hold()
    {
        using TestArena arena = new TestArena().Filled(1234);
        Answer answer = arena.Gmfs("list", "--json");
        answer.IsDone();
        JsonElement[] regions = [.. answer.Json.GetProperty("regions").EnumerateArray()];
        Assert.Equal(["blob", "carts"], regions.Select(r => r.GetProperty("name").GetString()));
        Assert.Equal(["Raw", "Heap"], regions.Select(r => r.GetProperty("kind").GetString()));
        Assert.Equal(1234, regions[1].GetProperty("records").GetInt64());
        Assert.Equal(16 * TestArena.MiB, regions[1].GetProperty("length").GetInt64());

        string text = arena.Gmfs("list").Out;
        Assert.Contains("1,234", text, StringComparison.Ordinal);
        Assert.Contains("16 MiB", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_users_arena_is_used_only_where_he_is_named()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "takes root, to give an arena to somebody else");
        using TestArena arena = new TestArena().Filled();
        using (Process chown = Process.Start("chown", ["-R", "65534", arena.Directory]))
        {
            chown.WaitForExit();
            Assert.Equal(0, chown.ExitCode);
        }

        foreach (string command in (string[])["list", "status", "check", "info"])
        {
            Answer refused = arena.Gmfs(command, "--json");
            refused.Is((int)ExitCode.Refused);
            Assert.Equal(ReasonCodes.UntrustedOwner, refused.Reason);
            arena.Gmfs(command, "--trust-owner", "65534").IsDone();
        }

        Assert.Contains("--trust-owner", arena.Gmfs("list").Error, StringComparison.Ordinal);
        Answer unknown = arena.Gmfs("list", "--trust-owner", "no.body");
        Assert.Contains("no user 'no.body'", unknown.Error, StringComparison.Ordinal);
    }

    /// <summary>In a container the writer's process id is another's, or nobody's: the lock is of the kernel.</summary>
    [Fact]
    public unsafe void A_writer_that_cannot_be_seen_is_known_by_its_lock()
    {
        using TestArena arena = new TestArena().Filled();
        PersistentArena writer = PersistentArena.Open(arena.Options);
        using (Medium medium = Medium.ForDirectory(arena.Directory))
        using (MediumFile file = medium.TryOpenFile("arena.meta", writable: true)!)
        using (var view = new Native.AddressReservation(file.Length, 2 * TestArena.MiB))
        {
            file.MapAt(view.Address, file.Length, writable: true);
            byte* at = (byte*)view.Address + Format.MetadataLayout.Writer;
            Assert.True(Format.WriterRecord.TryRead(at, out Format.WriterRecord record));
            (record with { ProcessId = int.MaxValue - 1 }).WriteTo(at);
        }

        JsonElement alive = arena.Gmfs("status", "--json").Json;
        Assert.True(alive.GetProperty("writer").GetProperty("alive").GetBoolean());
        Assert.Contains("open: process 2147483646 (not to be seen from here)", alive.GetProperty("state").GetString(),
            StringComparison.Ordinal);
        Assert.Throws<ArenaInUseException>(() => PersistentArena.Open(arena.Options));

        writer.Abandon();
        JsonElement dead = arena.Gmfs("status", "--json").Json;
        Assert.False(dead.GetProperty("writer").GetProperty("alive").GetBoolean());
        PersistentArena.Open(arena.Options).Dispose();
    }

    [Fact]
    public void Status_and_show_agree_with_the_library()
    {
        using TestArena arena = new TestArena().Filled();
        JsonElement status = arena.Gmfs("status", "--json").Json;
        Assert.Equal("closed", status.GetProperty("state").GetString());
        Assert.Equal(2, status.GetProperty("regions").GetInt32());
        Assert.Equal(20 * TestArena.MiB, status.GetProperty("regionBytes").GetInt64());
        Assert.True(status.GetProperty("metadataUsed").GetInt64() > 0);
        using (PersistentArena library = PersistentArena.Open(
            new ArenaOptions { Directory = arena.Directory, Access = ArenaAccess.ReadOnly }))
        {
            Assert.Equal(library.Id, status.GetProperty("id").GetGuid());
            Assert.Equal(library.Epoch, status.GetProperty("epoch").GetUInt64());
        }

        JsonElement show = arena.Gmfs("show", "carts", "--json").Json;
        Assert.Equal("extent-1", show.GetProperty("extents")[0].GetProperty("file").GetString());
        Assert.Equal(1000, show.GetProperty("heap").GetProperty("roots")[0].GetProperty("records").GetInt64());
        Assert.Equal(JsonValueKind.Null, show.GetProperty("problem").ValueKind);
    }

    [Fact]
    public void Show_tells_the_shapes_of_roots_and_typed_collections()
    {
        using TestArena arena = new TestArena().Filled();
        using (PersistentArena writer = PersistentArena.Open(new ArenaOptions { Directory = arena.Directory }))
        using (PersistentRegion region = writer.OpenRegion("carts"))
        {
            PersistentHeap heap = PersistentHeap.Open(region);
            heap.OpenOrCreateDictionary<string, Place>(
                "places", new() { ValueSerializer = PersistentSerializers.Raw<Place>() })["here"] = new Place(1, 2);
            heap.OpenOrCreateLog<DateOnly>("days").Append(new DateOnly(2026, 11, 30));
            heap.OpenOrCreateRoot<Place>("start");
        }

        string text = arena.Gmfs("show", "carts").Out;
        Dictionary<string, string?> shapes = arena.Gmfs("show", "carts", "--json").Json.GetProperty("heap")
            .GetProperty("roots").EnumerateArray()
            .ToDictionary(root => root.GetProperty("name").GetString()!, root => root.GetProperty("shape").GetString());

        Assert.StartsWith("text -> raw ", shapes["places"], StringComparison.Ordinal);
        Assert.Contains("System.Int32 Y", shapes["places"], StringComparison.Ordinal);
        Assert.Equal("date", shapes["days"]);
        Assert.Contains("System.Int32 Y @4", shapes["start"], StringComparison.Ordinal);
        Assert.Null(shapes["carts"]);
        Assert.Contains("days holds date", text, StringComparison.Ordinal);
        Assert.DoesNotContain("carts holds", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("list")]
    [InlineData("status")]
    [InlineData("show", "carts")]
    [InlineData("check")]
    [InlineData("list", "--json")]
    public void Looking_beside_a_living_writer_disturbs_nothing(params string[] command)
    {
        using TestArena arena = new TestArena().Filled();
        using PersistentArena writer = PersistentArena.Open(arena.Options);
        Dictionary<string, byte[]> before = arena.Bytes();
        arena.Gmfs(command).IsDone();
        Assert.All(arena.Bytes(), file => Assert.True(before[file.Key].AsSpan().SequenceEqual(file.Value), file.Key));
        writer.CreateRegion("still the writer", 2 * TestArena.MiB).Dispose();
    }

    [Fact]
    public void Status_names_the_writer()
    {
        using TestArena arena = new TestArena().Filled();
        using PersistentArena writer = PersistentArena.Open(arena.Options);
        JsonElement status = arena.Gmfs("status", "--json").Json;
        Assert.StartsWith("open: process", status.GetProperty("state").GetString(), StringComparison.Ordinal);
        Assert.Equal(Environment.ProcessId, status.GetProperty("writer").GetProperty("processId").GetInt32());
        Assert.True(status.GetProperty("writer").GetProperty("alive").GetBoolean());
    }

    [Fact]
    public void Media_lists_what_the_library_lists()
    {
        Answer answer = TestArena.Run(["media", "--json"]);
        answer.IsDone();
        Assert.Equal(
            MediumCandidates.Enumerate().Select(c => c.MountPoint),
            answer.Json.GetProperty("media").EnumerateArray().Select(m => m.GetProperty("mountPoint").GetString()));
        TestArena.Run(["media"]).IsDone();
    }

    [Fact]
    public void What_is_not_there_is_not_found()
    {
        using var arena = new TestArena();
        foreach (string[] command in (string[][])[["list"], ["status"], ["show", "x"], ["check"], ["check", "--deep"],
            ["freeze"], ["create", "x", "2M"], ["rm", "x", "--yes"]])
        {
            Answer answer = arena.Gmfs([.. command, "--json"]);
            answer.Is(4);
            Assert.Equal(ReasonCodes.ArenaNotFound, answer.Reason);
        }

        arena.Filled();
        foreach (string[] command in (string[][])[["show", "x"], ["grow", "x", "8M"], ["rm", "x", "--yes"]])
        {
            Answer answer = arena.Gmfs([.. command, "--json"]);
            answer.Is(4);
            Assert.Equal(ReasonCodes.RegionNotFound, answer.Reason);
        }
    }

    [Fact]
    public void A_wrong_command_line_is_told_from_everything_else()
    {
        Assert.Equal(2, TestArena.Run(["bogus"]).Code);
        Assert.Equal(2, TestArena.Run(["show"]).Code);
        Assert.Equal(2, TestArena.Run(["list", "--bogus"]).Code);
        Assert.Equal(0, TestArena.Run(["--help"]).Code);
        Assert.Equal(0, TestArena.Run(["--version"]).Code);
    }

    [Fact]
    public void The_guide_names_every_command_option_and_exit_code()
    {
        string guide = File.ReadAllText(Repository.PathOf("docs/gmfs.md"));
        foreach ((string path, Command command) in Commands(Cli.Gmfs.Root(TestArena.Silent)))
        {
            Assert.Contains($"gmfs {path}", guide, StringComparison.Ordinal);
            Assert.All(command.Options.Where(option => option.Name != "--help"),
                option => Assert.Contains(option.Name, guide, StringComparison.Ordinal));
        }

        Assert.All(Enum.GetValues<ExitCode>(),
            code => Assert.Contains($"\n| {(int)code} |", guide, StringComparison.Ordinal));
    }

    [Fact]
    public void Help_has_examples_that_are_right_and_the_exit_codes()
    {
        RootCommand root = Cli.Gmfs.Root(TestArena.Silent);
        foreach ((string path, Command command) in Commands(root))
        {
            Answer help = TestArena.Run([.. path.Split(' '), "--help"]);
            help.IsDone();
            Assert.Contains("Usage:", help.Out, StringComparison.Ordinal);
            Assert.All(Enum.GetValues<ExitCode>(), code => Assert.Contains($" {(int)code} ",
                help.Out[help.Out.IndexOf("Ends with:", StringComparison.Ordinal)..], StringComparison.Ordinal));
            Assert.NotEmpty(HelpPage.ExamplesOf(path));
            Assert.All(HelpPage.ExamplesOf(path), example =>
            {
                Assert.Contains(example, help.Out, StringComparison.Ordinal);
                ParseResult parsed = root.Parse(example.Split(' ')[1..]);
                Assert.Empty(parsed.Errors);
                Assert.Same(command, parsed.CommandResult.Command);
            });
        }
    }

    /// <summary>All commands that do something, with the words that call them.</summary>
    private static IEnumerable<(string Path, Command Command)> Commands(Command of, string before = "") =>
        of.Subcommands.SelectMany(one =>
        one.Subcommands.Count > 0 ? Commands(one, $"{before}{one.Name} ") : [(before + one.Name, one)]);

    private struct Place(int x, int y)
    {
        public int X = x;
        public int Y = y;
    }
}
