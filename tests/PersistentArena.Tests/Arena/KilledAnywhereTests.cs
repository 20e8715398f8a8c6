using GuestMemFs.Tests.Infrastructure;
using static GuestMemFs.Tests.Arena.ArenaTest;

namespace GuestMemFs.Tests.Arena;

/// <summary>
/// A process that is killed at any call to its medium leaves what it had said it did, and nothing in between; and so
/// does the next one, killed in its recovery.
/// </summary>
[Trait("speed", "slow")]
public class KilledAnywhereTests
{
    private static readonly (Action<PersistentArena> Do, string State)[] s_steps =
    [
        (a => Write(a, "a", 10 * MiB, 1), "a:10"),
        (a => Write(a, "b", 2 * MiB, 2), "a:10 b:2"),
        (a => Grow(a, "b", 9 * MiB), "a:10 b:9"),
        (a => a.DeleteRegion("a"), "b:9"),
        (a => Write(a, "c", 3 * MiB, 3), "b:9 c:3"),
        (a => a.RenameRegion("c", "d"), "b:9 d:3"),
        (a => Write(a, "e", 8 * MiB, 5), "b:9 d:3 e:8"),
        (a => a.DeleteRegion("d"), "b:9 e:8"),
    ];

    [Theory]
    [InlineData("tmpfs", false)]
    [InlineData("tmpfs", true)]
    [InlineData("strict", false)]
    [InlineData("strict", true)]
    [InlineData("strict over an older life", false)]
    [InlineData("strict over an older life", true)]
    public void At_any_call(string kind, bool lastCallHappens)
    {
        int calls = 1;
        for (bool finished = false; !finished; calls++)
        {
            using TestMedium medium = Create(kind);
            int done = Live(medium, calls, lastCallHappens, out finished);
            medium.SimulateProcessDeath();
            if (finished)
            {
                break;
            }

            // The next process is killed in its turn, somewhere in its recovery.
            for (int again = 1; again < 40 && calls % 7 == 0; again += 3)
            {
                _ = LiveOn(medium, again, lastCallHappens);
                medium.SimulateProcessDeath();
            }

            bool overOlderLife = kind.Contains("older", StringComparison.Ordinal);
            string state = Check(medium, done, overOlderLife);
            Check(medium, done, overOlderLife, state);
        }

        Assert.True(calls > 40, $"{calls} calls are too few for these steps");
    }

    private static TestMedium Create(string kind)
    {
        if (kind == "tmpfs")
        {
            return TestMedia.Create(kind);
        }

        var strict = new StrictMedium(new StrictOptions { MaximumFileLength = 8 * MiB });
        if (kind == "strict")
        {
            return TestMedium.OfMedium("strict", strict);
        }

        using (PersistentArena old = PersistentArena.Create(
            new ArenaOptions { Medium = new BorrowedMedium(strict), MetadataSize = 2 * MiB }))
        {
            Write(old, "of an older life", 20 * MiB, 9);
        }

        return TestMedium.OfMedium("strict", strict.SimulateFreshMountOverOldContent());
    }

    /// <summary>Runs the steps until the end or the kill.</summary>
    private static int Live(TestMedium medium, int calls, bool lastCallHappens, out bool finished)
    {
        var killed = new KilledMedium(medium.Open(), calls, lastCallHappens);
        int done = -1;
        PersistentArena? arena = null;
        try
        {
            arena = PersistentArena.OpenOrCreate(new ArenaOptions { Medium = killed, MetadataSize = 2 * MiB });
            for (done = 0; done < s_steps.Length; done++)
            {
                s_steps[done].Do(arena);
            }
        }
        catch (KilledException)
        {
            // What the test is about: the state is looked at by the next process.
        }

        finished = !killed.IsKilled;
        arena?.Abandon();
        return done;
    }

    private static bool LiveOn(TestMedium medium, int calls, bool lastCallHappens)
    {
        try
        {
            PersistentArena.OpenOrCreate(new ArenaOptions { Medium = new KilledMedium(medium.Open(), calls,
                lastCallHappens), MetadataSize = 2 * MiB }).Abandon();
            return true;
        }
        catch (KilledException)
        {
            return false;
        }
    }

    /// <summary>
    /// The arena is in the state of the steps that were done, or of one more; every byte is right; nothing leaked.
    /// </summary>
    private static string Check(TestMedium medium, int done, bool overOlderLife, string? expected = null)
    {
        using PersistentArena arena = PersistentArena.OpenOrCreate(On(medium));
        string state = string.Join(' ', arena.ListRegions().Select(r => $"{r.Name}:{r.Length / MiB}"));
        if (expected is not null)
        {
            Assert.Equal(expected, state);
            Assert.Equal(AttachKind.Warm, arena.AttachReport.Kind);
            Assert.Empty(arena.AttachReport.Reasons);
        }
        else
        {
            string before = done <= 0 ? string.Empty : s_steps[done - 1].State;
            string after = done < 0 || done >= s_steps.Length ? before : s_steps[done].State;
            Assert.True(state == before || state == after, $"'{state}' is neither '{before}' nor '{after}'");
        }

        foreach (RegionInfo info in arena.ListRegions())
        {
            using PersistentRegion region = arena.OpenRegion(info.Name);
            if (region.AsSpan(0, 8).IndexOfAnyExcept((byte)0) < 0)
            {
                AssertZero(region); // Made, and killed before it was filled.
                continue;
            }

            int seed = info.Name switch { "a" => 1, "b" => 2, "c" or "d" => 3, _ => 5 };
            AssertFilled(region, seed, info.Name == "b" ? 2 * MiB : -1);
        }

        int extents = arena.ListRegions().Sum(r => r.ExtentCount);
        ArenaSpace space = arena.GetSpace();
        int files = arena.Medium.ListFiles().Count;
        if (overOlderLife)
        {
            // A file that was made and holds an older life's identity cannot be told from another arena's; at most one
            // for each kill.
            Assert.InRange(files - space.FileCount, 0, 20);
        }
        else
        {
            Assert.Equal(space.FileCount, files);
        }

        if (arena.Medium.Capabilities.UnlinkFreesSpace)
        {
            Assert.Equal(1 + extents, space.FileCount);
        }

        return state;
    }

    private static void Write(PersistentArena arena, string name, long length, int seed)
    {
        using PersistentRegion region = arena.CreateRegion(name, length);
        AssertZero(region);
        Fill(region, seed);
    }

    private static void Grow(PersistentArena arena, string name, long length)
    {
        using PersistentRegion region = arena.OpenRegion(name);
        region.Grow(length);
        AssertZero(region, 2 * MiB);
    }
}
