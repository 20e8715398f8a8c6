using System.Text.Json;
using GuestMemFs.Cli.Tests.Infrastructure;

namespace GuestMemFs.Cli.Tests.Commands;

/// <summary>The live view sees what a writer does.</summary>
public sealed class TopTests
{
    [Fact]
    public void Once_is_one_look()
    {
        using TestArena arena = new TestArena().Filled();
        Answer answer = arena.Gmfs("top", "--once", "--json");
        answer.IsDone();
        JsonElement carts = answer.Json.GetProperty("regions").EnumerateArray().Single(r =>
            r.GetProperty("name").GetString() == "carts");
        Assert.Equal(1000, carts.GetProperty("records").GetInt64());
        Assert.Equal(JsonValueKind.Null, carts.GetProperty("recordsRate").ValueKind);
        Assert.Contains("carts", arena.Gmfs("top", "--once").Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Rates_are_what_a_writer_adds()
    {
        using TestArena arena = new TestArena().Filled(0);
        using PersistentArena writer = PersistentArena.Open(arena.Options);
        PersistentDictionary carts = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(writer.OpenRegion("carts")),
            "carts");
        using var stop = new CancellationTokenSource();
        var changes = new Thread(() =>
        {
            for (int i = 0; !stop.IsCancellationRequested && i < 50_000; i++)
            {
                carts.Set(BitConverter.GetBytes(i), new byte[50]);
                Thread.Sleep(i % 100 == 0 ? 1 : 0);
            }
        });
        changes.Start();
        Answer answer;
        try
        {
            answer = arena.Gmfs("top", "--count", "8", "--interval", "0.05", "--json");
        }
        finally
        {
            stop.Cancel();
            changes.Join();
        }

        answer.IsDone();
        string[] lines = answer.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(8, lines.Length);
        JsonElement[] looks = [.. lines.Select(line => JsonSerializer.Deserialize<JsonElement>(line))];
        Assert.All(looks, look => Assert.StartsWith("open: process", look.GetProperty("state").GetString(),
            StringComparison.Ordinal));
        Assert.Contains(looks.Skip(1), look =>
            look.GetProperty("regions").EnumerateArray().Single(r => r.GetProperty("name").GetString() == "carts")
                .GetProperty("recordsRate").GetDouble() > 0);
    }

    [Fact]
    public void It_ends_when_it_is_told_to_and_takes_no_nonsense()
    {
        using TestArena arena = new TestArena().Filled();
        using var stop = new CancellationTokenSource(300);
        Assert.Equal(0, Cli.Gmfs.Run(["top", "--interval", "60", "-a", arena.Directory],
            TestArena.Silent with { Cancellation = stop.Token }));
        arena.Gmfs("top", "--interval", "0").Is(2);
        arena.Gmfs("top", "--interval", "NaN").Is(2);
    }
}
