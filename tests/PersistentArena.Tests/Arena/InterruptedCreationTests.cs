using GuestMemFs.Tests.Infrastructure;
using static GuestMemFs.Tests.Arena.ArenaTest;

namespace GuestMemFs.Tests.Arena;

/// <summary>The creation of an arena, killed at each call to its medium.</summary>
public sealed class InterruptedCreationTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_next_open_makes_it_and_says_so_where_it_had_been_begun(bool lastCallHappens)
    {
        HashSet<(bool WasBegun, AttachKind Kind)> seen = [];
        bool finished = false;
        for (int calls = 1; !finished; calls++)
        {
            using TestMedium medium = TestMedia.Create("tmpfs");
            KilledMedium killed = new(medium.Open(), calls, lastCallHappens);
            finished = Record.Exception(() => PersistentArena.Create(
                new ArenaOptions { Medium = killed, MetadataSize = 2 * MiB }).Abandon()) is null;
            FileInfo file = new(Path.Combine(medium.Directory!, "arena.meta"));
            bool wasBegun = file.Exists && file.Length > 0;

            using PersistentArena arena = PersistentArena.OpenOrCreate(On(medium));

            string[] codes = [.. arena.AttachReport.Reasons.Select(reason => reason.Code)];
            bool isNew = arena.AttachReport.Kind == AttachKind.Fresh;
            Assert.Equal(wasBegun && isNew, codes.Contains(ReasonCodes.CreationRepeated));
            Assert.True(isNew || wasBegun);
            seen.Add((wasBegun, arena.AttachReport.Kind));
        }

        Assert.Contains((false, AttachKind.Fresh), seen);
        Assert.Contains((true, AttachKind.Fresh), seen);
    }
}
