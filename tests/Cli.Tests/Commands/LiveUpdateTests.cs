using GuestMemFs.Cli.Tests.Infrastructure;

namespace GuestMemFs.Cli.Tests.Commands;

/// <summary>
/// The command line of live updates. Carrying one out takes another kernel: the kernel lab does that; its course is
/// tested in LiveUpdate.Tests.
/// </summary>
public sealed class LiveUpdateTests : IDisposable
{
    private readonly TestArena _arena = new();

    public void Dispose() => _arena.Dispose();

    [Fact]
    public void A_plan_that_would_fail_is_refused_with_everything_that_is_wrong_and_nothing_changes()
    {
        using (PersistentArena.Create(new ArenaOptions { Directory = _arena.Directory }))
        {
        }

        string plan = Plan($$"""
            {
              // Comments are allowed: it is written by hand.
              "arena": "{{_arena.Directory}}",
              "kernel": { "image": "/no/such/kernel" },
              "machines": [
                { "name": "web", "regions": ["web"], "monitor": "/no/such.qmp", "executable": "no-such-qemu" }
              ],
              "services": [ { "name": "db", "socket": "/no/such.socket" } ],
            }
            """);
        string[][] commands = [["plan", plan], ["plan", plan, "--dry-run"], ["run", plan, "--dry-run"]];
        foreach (string[] command in commands)
        {
            Answer answer = TestArena.Run(["live-update", .. command]);
            answer.Is(3);
            string[] wrong = ["which no kexec leaves as it is", "no-such-qemu", "'web'", "'db' did not answer",
                "/no/such/kernel", "would fail; nothing was changed"];
            Assert.All(wrong, one => Assert.Contains(one, answer.Out, StringComparison.Ordinal));
        }

        Answer run = TestArena.Run(["live-update", "run", plan]);
        run.Is(3);
        Assert.Contains("/no/such/kernel", run.Error, StringComparison.Ordinal);
        Answer json = TestArena.Run(["live-update", "run", plan, "--dry-run", "--json"]);
        json.Is(3);
        Assert.Contains(json.Json.GetProperty("findings").EnumerateArray(),
            one => one.GetProperty("subject").GetString() == "kernel" && one.GetProperty("isFatal").GetBoolean());

        using PersistentArena arena = PersistentArena.Open(
            new ArenaOptions { Directory = _arena.Directory, Access = ArenaAccess.ReadOnly });
        Assert.Empty(arena.ListRegions());
    }

    [Theory]
    [InlineData("{ \"arena\": \"/a\", \"kernel\": { \"image\": \"/k\" }, \"machines\": [] }",
        "neither machines nor services")]
    [InlineData("{ \"arena\": \"/a\", \"kernel\": { \"image\": \"/k\" }, \"machine\": [] }", "machine")]
    [InlineData("{ \"kernel\": { \"image\": \"/k\" } }", "arena")]
    [InlineData("{ \"arena\": \"/a\", \"kernel\": { \"image\": \"/k\" }, \"fingerprint\": \"some\" }", "fingerprint")]
    [InlineData("nonsense", "is no plan")]
    [InlineData("null", "is no plan")]
    [InlineData("{ \"arena\": \"/a\", \"kernel\": { \"image\": \"/k\" }, \"machines\": [ { \"name\": \"a\", " +
        "\"regions\": [], \"monitor\": \"/m\" } ] }", "has no regions")]
    [InlineData("{ \"arena\": \"/a\", \"kernel\": { \"image\": \"/k\" }, \"services\": [ { \"name\": \"a\", " +
        "\"socket\": \"/s\" }, { \"name\": \"a\", \"socket\": \"/t\" } ] }", "'a' twice")]
    public void A_file_that_is_no_plan_is_refused_with_the_place(string text, string named)
    {
        string plan = Plan(text);
        Answer answer = TestArena.Run(["live-update", "run", plan, "--dry-run"]);
        answer.Is(3);
        Assert.Contains(plan, answer.Error, StringComparison.Ordinal);
        Assert.Contains(named, answer.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_plan_there_is_nothing_to_go_on_with_or_to_take_back()
    {
        using (PersistentArena.Create(new ArenaOptions { Directory = _arena.Directory }))
        {
        }

        string[] here = ["--arena", _arena.Directory];
        Answer resume = TestArena.Run(["live-update", "resume", .. here]);
        resume.IsDone();
        Assert.Contains("No plan is under way", resume.Out, StringComparison.Ordinal);
        Assert.Contains("never a plan", TestArena.Run(["live-update", "status", .. here]).Out,
            StringComparison.Ordinal);
        TestArena.Run(["live-update", "abort", .. here]).Is(3);
        TestArena.Run(["live-update", "run", .. here]).Is(3);
        TestArena.Run(["live-update", "run", "--dry-run", .. here]).Is(2);
        TestArena.Run(["live-update", "run", _arena.Directory + "/no-such-plan"]).Is(4);
        TestArena.Run(["live-update", "status", "--arena", _arena.Directory + "-absent"]).Is(4);
    }

    [Fact]
    public void A_machine_that_is_not_in_the_plan_is_named_with_those_that_are()
    {
        string plan = Plan(
            $$"""
            { "arena": "{{_arena.Directory}}", "kernel": { "image": "/k" },
              "machines": [ { "name": "web", "regions": ["web"], "monitor": "/m" } ] }
            """);
        Answer answer = TestArena.Run(["live-update", "start", plan, "wob"]);
        answer.Is(3);
        Assert.Contains("no machine 'wob'. It has: web.", answer.Error, StringComparison.Ordinal);
    }

    private string Plan(string text)
    {
        string file = _arena.Directory + "/plan.json";
        Directory.CreateDirectory(_arena.Directory);
        File.WriteAllText(file, text);
        return file;
    }
}
