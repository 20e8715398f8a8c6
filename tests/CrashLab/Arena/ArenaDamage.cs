using GuestMemFs.Format;

namespace GuestMemFs.CrashLab;

/// <summary>
/// A short sweep of damage for the seeded faults: one bit of every word of superblock, state, writer and journal of a
/// small arena is turned. The arena then is what it was, or is refused. (The whole sweep, of every byte and file, is a
/// part of the lab by itself.)
/// </summary>
internal static unsafe class ArenaDamage
{
    public static void Sweep()
    {
        using LabWorld world = new(WorldKind.Kind, 32L << 20);
        Persist.Trace = world;
        using ArenaProcess process = new(world);
        process.Open();
        process.Arena.CreateRegion("a", 2 << 20).Dispose();
        process.Arena.RenameRegion("a", "renamed");
        int used = MetadataLayout.FirstHalf + JournalHeader.LogOffset + process.Journal.Length;
        string before = ArenaModel.Describe(process.Arena);
        process.Kill();
        world.Begin();
        long half = (long)MetadataLayout.HalfSizeFor(LabWorld.BlockSize);
        long start = MetadataLayout.FirstHalf + half; // Generation 1 is in the second half.
        IEnumerable<long> words = Enumerable.Range(0, (MetadataLayout.FirstHalf + JournalHeader.LogOffset) / 8)
            .Select(word => word * 8L).Where(at => at is < 256 or >= MetadataLayout.SecondCopy)
            .Concat(Enumerable.Range(0, (used - MetadataLayout.FirstHalf) / 8).Select(word => start + (word * 8L)));
        foreach (long word in words)
        {
            for (int bit = (int)(word / 8 % 7); bit < 64; bit += 32)
            {
                LabFile file = world.Files.Find(one => one.Name == "arena.meta")!;
                world.Flip(file.Start + word + (bit / 8), (byte)(1 << (bit % 8)));
                using (ArenaProcess next = new(world))
                {
                    try
                    {
                        next.OpenDamaged();
                        if (ArenaModel.Describe(next.Arena) != before)
                        {
                            throw new LabException($"bit {bit} of the word at {word} of arena.meta was turned: there " +
                                $"is '{ArenaModel.Describe(next.Arena)}' instead of '{before}', and nobody said so");
                        }

                        next.Close();
                        next.Open(); // What was mended is mended.
                    }
                    catch (ArenaException)
                    {
                        // Refused, with a reason: right.
                    }
                }

                world.GoBack(0);
            }
        }

        Persist.Trace = null;
    }
}
