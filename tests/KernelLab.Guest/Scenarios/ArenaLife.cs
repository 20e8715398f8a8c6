using System.Runtime.InteropServices;

namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>
/// A kexec after each chapter of an arena's life, <c>lab.kexecs</c> of them, the kernels by turns: regions are made,
/// grown, renamed and deleted between. What must be there follows from the number of the stage alone.
/// </summary>
internal sealed class ArenaLife : Scenario
{
    private const long MiB = 1 << 20;
    private static readonly string[] s_kernels = ["7.2", "6.12"];

    public override void Run(Stage stage)
    {
        int kexecs = (int)stage.Arguments.Number("kexecs");
        using PersistentArena arena = PersistentArena.OpenOrCreate(
            new ArenaOptions { Directory = Place.Open(stage), MetadataSize = 2 * MiB });
        AttachKind kind = arena.AttachReport.Kind;
        Stage.Check(kind == (stage.Number == 0 ? AttachKind.Fresh : AttachKind.Warm),
            $"stage {stage.Number}: the arena is {kind}");
        Stage.Check(arena.Epoch == (ulong)stage.Number + 1, $"stage {stage.Number}: the epoch is {arena.Epoch}");
        Verify(arena, stage.Number);
        stage.Host.Tell("right", $"{arena.ListRegions().Count}");
        if (stage.Number == kexecs)
        {
            return;
        }

        Live(arena, stage.Number);
        Verify(arena, stage.Number + 1);
        arena.Dispose();
        stage.LoadNext(s_kernels[stage.Number % s_kernels.Length]);
        Kexec.Enter();
    }

    /// <summary>
    /// A chapter: one region is made, the last one's grows, the one before is renamed, the one before that deleted.
    /// </summary>
    private static void Live(PersistentArena arena, int chapter)
    {
        using (PersistentRegion region = arena.CreateRegion(Young(chapter), Size(chapter, chapter + 1)))
        {
            Fill(region, chapter, 0);
        }

        if (chapter >= 1)
        {
            using PersistentRegion region = arena.OpenRegion(Young(chapter - 1));
            long before = region.Length;
            region.Grow(Size(chapter - 1, chapter + 1));
            Fill(region, chapter - 1, before);
        }

        if (chapter >= 2)
        {
            arena.RenameRegion(Young(chapter - 2), Old(chapter - 2));
        }

        if (chapter >= 3)
        {
            arena.DeleteRegion(Old(chapter - 3));
        }
    }

    /// <summary>Checks every byte of every region, and that there is no other, after so many chapters.</summary>
    private static void Verify(PersistentArena arena, int chapters)
    {
        var expected = new List<string>();
        for (int born = Math.Max(0, chapters - 3); born < chapters; born++)
        {
            expected.Add(chapters - born >= 3 ? Old(born) : Young(born));
        }

        string[] names = [.. arena.ListRegions().Select(region => region.Name)];
        Stage.Check(names.Order().SequenceEqual(expected.Order()),
            $"after {chapters} chapters there are {string.Join(' ', names)}, not {string.Join(' ', expected)}");
        for (int born = Math.Max(0, chapters - 3); born < chapters; born++)
        {
            using PersistentRegion region = arena.OpenRegion(expected[born - Math.Max(0, chapters - 3)]);
            Stage.Check(region.Length == Size(born, chapters),
                $"{region.Name} has {region.Length} bytes, not {Size(born, chapters)}");
            ReadOnlySpan<long> words = MemoryMarshal.Cast<byte, long>(region.AsSpan(0, (int)region.Length));
            for (int i = 0; i < words.Length; i++)
            {
                Stage.Check(words[i] == Word(born, i),
                    $"{region.Name}, byte {8L * i}: {words[i]:x} is not {Word(born, i):x}");
            }
        }
    }

    private static void Fill(PersistentRegion region, int born, long from)
    {
        Span<long> words = MemoryMarshal.Cast<byte, long>(region.AsSpan(0, (int)region.Length));
        for (int i = (int)(from / sizeof(long)); i < words.Length; i++)
        {
            words[i] = Word(born, i);
        }
    }

    private static long Size(int born, int chapters) => (4 + (6 * born) + (chapters - born >= 2 ? 8 : 0)) * MiB;

    private static long Word(int born, long i) => (i * 0x5DEECE66D) ^ ((long)born << 48);

    private static string Young(int born) => FormattableString.Invariant($"young-{born}");

    private static string Old(int born) => FormattableString.Invariant($"old-{born}");
}
