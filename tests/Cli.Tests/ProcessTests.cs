using System.Diagnostics;
using System.Text.Json;
using GuestMemFs.Cli.Tests.Infrastructure;

namespace GuestMemFs.Cli.Tests;

/// <summary>The tool as it is run: a process of its own, with a shell around it.</summary>
public sealed class ProcessTests
{
    [Fact]
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

    [Fact]
    public void An_interrupt_ends_top_and_is_no_failure()
    {
        using TestArena arena = new TestArena().Filled();
        using Process top = Process.Start(new ProcessStartInfo("dotnet", [ToolPath, "top", "--json", "--interval", "30", "-a", arena.Directory]) { RedirectStandardOutput = true })!;
        string? line = top.StandardOutput.ReadLine();
        Start("kill", "-INT", $"{top.Id}").IsDone();
        Assert.True(top.WaitForExit(10_000), "it did not end");
        Assert.Equal(0, top.ExitCode);
        Assert.Contains("\"carts\"", line, StringComparison.Ordinal);
    }

    [Fact]
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
                using Process restore = Process.Start(new ProcessStartInfo("dotnet", [ToolPath, "restore", dump, "copy", "-a", arena.Directory]) { RedirectStandardOutput = true })!;
                using (PersistentArena reader = PersistentArena.Open(new ArenaOptions { Directory = arena.Directory, Access = ArenaAccess.ReadOnly }))
                {
                    // An earlier life's half goes first; then this one's comes.
                    string[] before = [.. reader.ListRegions().Select(r => r.Name)];
                    SpinWait.SpinUntil(() => restore.HasExited || reader.ListRegions().Any(r => !before.Contains(r.Name)), 10_000);
                }

                Thread.Sleep(delay);
                restore.Kill();
                restore.WaitForExit();
                string[] names = [.. arena.Gmfs("list", "--json").Json.GetProperty("regions").EnumerateArray().Select(r => r.GetProperty("name").GetString()!)];
                killed += names.Any(Dumps.RestoringRegion.Is) ? 1 : 0;
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
        using PersistentArena library = PersistentArena.Open(new ArenaOptions { Directory = arena.Directory, Access = ArenaAccess.ReadOnly });
        using PersistentRegion one = library.OpenRegion("big");
        using PersistentRegion two = library.OpenRegion("copy");
        Assert.True(one.AsSpan(0, (int)one.Length).SequenceEqual(two.AsSpan(0, (int)two.Length)));
    }

    [Fact]
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

    private static Answer Start(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        process.StandardInput.Close();
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new Answer(process.ExitCode, output, error.GetAwaiter().GetResult());
    }
}
