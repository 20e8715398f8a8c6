using System.Diagnostics;
using System.Text.Json;
using GuestMemFs.Cli.Tests.Infrastructure;

namespace GuestMemFs.Cli.Tests;

/// <summary>The tool as it is run: a process of its own, with a shell around it.</summary>
public sealed class ProcessTests
{
    [Fact]
    [Trait("speed", "slow")]
    public void A_life_in_processes()
    {
        using var arena = new TestArena();
        string path = arena.Directory;
        Assert.Equal(0, Run("create", "-a", path).Code);
        Assert.Equal(0, Run("create", "carts", "4M", "--kind", "heap", "-a", path).Code);
        using (PersistentArena.Open(arena.Options))
        {
            Answer refused = Run("rm", "carts", "--yes", "-a", path);
            Assert.Equal(3, refused.Code);
            Assert.Contains($"process {Environment.ProcessId}", refused.Error, StringComparison.Ordinal);
            JsonElement status = Run("status", "--json", "-a", path).Json;
            Assert.Equal(Environment.ProcessId, status.GetProperty("writer").GetProperty("processId").GetInt32());
        }

        Assert.Equal(3, Run("rm", "carts", "-a", path).Code); // Nobody can be asked.
        Assert.Equal(0, Run("rm", "carts", "--yes", "-a", path).Code);
        Assert.Equal(4, Run("show", "carts", "-a", path).Code);
        Assert.Equal(2, Run("bogus").Code);
    }

    /// <summary>Who sits at a terminal is shown the plan and asked; no changes nothing, yes does it.</summary>
    [Fact]
    public void Repair_at_a_terminal_asks_first()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/script"), "script(1) is not there, which gives a process a terminal");
        using TestArena arena = new TestArena().Filled();
        File.WriteAllBytes(arena.File("arena.meta"),
            [.. File.ReadAllBytes(arena.File("arena.meta")).Select((b, at) => at == 40 ? (byte)(b ^ 1) : b)]);
        Answer Repair(string answer) => Typed(answer, "script", "-qec",
            $"dotnet '{ToolPath}' repair -a '{arena.Directory}'", "/dev/null");
        Answer no = Repair("n\n");
        Assert.Equal(3, no.Code);
        Assert.Contains("Do it? [y/N]", no.Out, StringComparison.Ordinal);
        Assert.Contains("Nothing was changed.", no.Out, StringComparison.Ordinal);
        arena.Gmfs("check").Is(1);
        Assert.Equal(0, Repair("y\n").Code);
        arena.Gmfs("check").IsDone();
    }

    [Fact]
    public void What_a_program_reads_is_not_wrapped()
    {
        using TestArena arena = new TestArena().Filled();
        string name = string.Concat(Enumerable.Repeat("a name ", 18)).Trim();
        arena.Gmfs("create", name, "2M").IsDone();
        string[] lines = Run("explain", "-a", arena.Directory).Out.Split('\n');
        Assert.All(lines, line => Assert.False(line.StartsWith("since", StringComparison.Ordinal)));
        Assert.Contains(Run("list", "-a", arena.Directory).Out.Split('\n'),
            line => line.Contains(name, StringComparison.Ordinal));
    }

    [Fact]
    public void An_interrupt_ends_top_and_is_no_failure()
    {
        using TestArena arena = new TestArena().Filled();
        using Process top = Process.Start(Program("dotnet", ToolPath, "top", "--json", "--interval", "30", "-a",
            arena.Directory))!;
        string? line = top.StandardOutput.ReadLine();
        Start("kill", "-INT", $"{top.Id}").IsDone();
        Assert.True(top.WaitForExit(10_000), "it did not end");
        Assert.Equal(0, top.ExitCode);
        Assert.Contains("\"carts\"", line, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_restore_that_is_killed_makes_no_region()
    {
        using TestArena arena = new TestArena();
        string dump = Path.Combine(Path.GetTempPath(), $"gmfs-test-{Guid.NewGuid():N}");
        try
        {
            using (PersistentArena library = PersistentArena.Create(arena.Options))
            using (PersistentRegion big = library.CreateRegion("big", 96 * TestArena.MiB))
            {
                new Random(1).NextBytes(big.AsSpan(0, (int)big.Length));
            }

            arena.Gmfs("dump", "big", dump).IsDone();
            int killed = 0;
            foreach (int delay in (int[])[0, 1, 3, 8, 20, 40])
            {
                using Process restore = Process.Start(
                    Program("dotnet", ToolPath, "restore", dump, "copy", "-a", arena.Directory))!;
                using (PersistentArena reader = PersistentArena.Open(
                    new ArenaOptions { Directory = arena.Directory, Access = ArenaAccess.ReadOnly }))
                {
                    // An earlier life's half goes first; then this one's comes.
                    string[] before = [.. reader.ListRegions().Select(r => r.Name)];
                    SpinWait.SpinUntil(() =>
                        restore.HasExited || reader.ListRegions().Any(r => !before.Contains(r.Name)), 10_000);
                }

                Thread.Sleep(delay);
                restore.Kill();
                restore.WaitForExit();
                string[] names = [.. arena.Gmfs("list", "--json").Json.GetProperty("regions").EnumerateArray().Select(
                    r => r.GetProperty("name").GetString()!)];
                killed += names.Any(RegionDump.IsRestoring) ? 1 : 0;
                if (names.Contains("copy"))
                {
                    AssertWhole(arena);
                    arena.Gmfs("rm", "copy", "--yes").IsDone();
                }
            }

            Assert.True(killed > 0, "none was killed on the way");
            TestContext.Current.TestOutputHelper?.WriteLine($"{killed} of 6 were killed on the way");
            arena.Gmfs("restore", dump, "copy").IsDone();
            AssertWhole(arena);
            Assert.Equal(2, arena.Gmfs("list", "--json").Json.GetProperty("regions").GetArrayLength());
        }
        finally
        {
            File.Delete(dump);
        }
    }

    private static void AssertWhole(TestArena arena)
    {
        using PersistentArena library = PersistentArena.Open(
            new ArenaOptions { Directory = arena.Directory, Access = ArenaAccess.ReadOnly });
        using PersistentRegion one = library.OpenRegion("big");
        using PersistentRegion two = library.OpenRegion("copy");
        Assert.True(one.AsSpan(0, (int)one.Length).SequenceEqual(two.AsSpan(0, (int)two.Length)));
    }

    /// <summary>
    /// A write beyond the limit on a file's length sends SIGXFSZ, which ends a process that does not look ahead.
    /// </summary>
    [Fact]
    [Trait("speed", "slow")]
    public void A_limit_on_the_length_of_files_is_a_refusal_and_no_signal()
    {
        Assert.SkipUnless(File.Exists("/bin/bash"), "there is no bash");
        using var arena = new TestArena();
        string dump = Path.Combine(Path.GetTempPath(), $"gmfs-test-{Guid.NewGuid():N}");
        try
        {
            Answer refused = Limited(3072, "create", "-a", arena.Directory);
            Assert.NotEqual(0, refused.Code);
            Assert.Contains("ulimit -f", refused.Error, StringComparison.Ordinal);
            Assert.Empty(Directory.GetFiles(arena.Directory));

            // Made of more files than one where one may not be so long.
            Assert.Equal(0, Limited(10 << 10, "create", "-a", arena.Directory).Code);
            Assert.Equal(0, Limited(10 << 10, "create", "blob", "32M", "-a", arena.Directory).Code);
            Assert.InRange(Directory.GetFiles(arena.Directory, "extent-*").Length, 4, 8);
            Answer small = Limited(3 << 10, "create", "more", "2M", "-a", arena.Directory);
            Assert.Contains("ulimit -f", small.Error, StringComparison.Ordinal);

            using (PersistentArena library = PersistentArena.Open(arena.Options))
            using (PersistentRegion blob = library.OpenRegion("blob"))
            {
                new Random(1).NextBytes(blob.AsSpan(0, (int)blob.Length));
            }

            Answer cut = Limited(10 << 10, "dump", "blob", dump, "-a", arena.Directory);
            Assert.Equal((int)Cli.Terminal.ExitCode.Failed, cut.Code);
            Assert.Contains("ulimit -f", cut.Error, StringComparison.Ordinal);
            Assert.False(File.Exists(dump));
        }
        finally
        {
            File.Delete(dump);
        }

        // The runtime's own double mapping of code is a file of 2 GiB: off, or it could not even start.
        static Answer Limited(int kibibytes, params string[] arguments) =>
            Start("/bin/bash", ["-c", $"ulimit -f {kibibytes}; export DOTNET_EnableWriteXorExecute=0; exec dotnet " +
                $"'{ToolPath}' \"$@\"", "bash", .. arguments]);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Bash_completes_commands_options_and_regions()
    {
        Assert.SkipUnless(File.Exists("/bin/bash"), "there is no bash");
        using TestArena arena = new TestArena().Filled();
        Assert.Equal(["check", "completion", "create"], Complete("gmfs c"));
        Assert.Contains("--on-demand", Complete("gmfs create --o"));
        Assert.Equal(["carts"], Complete($"gmfs show -a {arena.Directory} ca"));

        string[] Complete(string line)
        {
            string script = $"""
                gmfs() {"{"} dotnet "{ToolPath}" "$@"; {"}"}
                source <(gmfs completion bash)
                COMP_LINE='{line}' COMP_POINT={line.Length} _gmfs
                printf '%s\n' "${"{"}COMPREPLY[@]{"}"}"
                """;
            Answer answer = Start("/bin/bash", "-c", script);
            answer.IsDone();
            return answer.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        }
    }

    private static string ToolPath => Path.Combine(AppContext.BaseDirectory, "gmfs.dll");

    private static Answer Run(params string[] arguments) => Start("dotnet", [ToolPath, .. arguments]);

    private static ProcessStartInfo Program(string program, params string[] arguments) => new(program, arguments)
    {
        RedirectStandardOutput = true,
        // One that is killed would leave a socket in the folder for temporary files.
        Environment = { ["DOTNET_EnableDiagnostics"] = "0" },
    };

    private static Answer Start(string program, params string[] arguments) => Typed("", program, arguments);

    /// <summary>With a standard input.</summary>
    private static Answer Typed(string input, string program, params string[] arguments)
    {
        ProcessStartInfo start = Program(program, arguments);
        start.RedirectStandardInput = start.RedirectStandardError = true;
        using Process process = Process.Start(start)!;
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new Answer(process.ExitCode, output, error.GetAwaiter().GetResult());
    }
}
