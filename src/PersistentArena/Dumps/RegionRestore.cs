namespace GuestMemFs.Dumps;

/// <summary>Makes a region from a dump: under another name until every byte of it is there.</summary>
internal static class RegionRestore
{
    public static void Run(DumpReader dump, PersistentArena arena, RestoreOptions options,
        CancellationToken cancellationToken)
    {
        RestoringRegion.RemoveAll(arena);
        string name = options.Region ?? dump.Header.Name;
        if (arena.FindRegion(name) is { } taken)
        {
            throw new RegionExistsException(arena.Medium.Location, name, taken.Length);
        }

        string making = RestoringRegion.NewName();
        try
        {
            Fill(arena, making, dump, options, cancellationToken);
            arena.RenameRegion(making, name);
        }
        catch
        {
            if (arena.FindRegion(making) is not null)
            {
                arena.DeleteRegion(making);
            }

            throw;
        }
    }

    private static void Fill(PersistentArena arena, string name, DumpReader dump, RestoreOptions options,
        CancellationToken cancellationToken)
    {
        DumpHeader header = dump.Header;
        using PersistentRegion region = arena.CreateRegion(name, dump.Length, new RegionOptions
        {
            Kind = header.Kind,
            Reserve = header.Reserve,
            Alignment = header.Alignment,
            MaximumLength = options.MaximumLength ?? header.MaximumLength,
            Numa = options.Numa,
        });

        // A heap's memory may hold an older life's bytes at first, and all of it below the frontier has its space.
        bool heap = header.Kind == RegionKind.Heap;
        long done = 0;
        dump.ReadAll(
            (at, block) =>
            {
                if (heap || block.Span.IndexOfAnyExcept((byte)0) >= 0)
                {
                    long page = at & -RegionOptions.MinimumLength; // Whole ones: a piece of one is given small pages.
                    long end = (at + block.Length + RegionOptions.MinimumLength - 1) & -RegionOptions.MinimumLength;
                    region.EnsureBacked(page, Math.Min(region.Length, end) - page);
                    block.Span.CopyTo(region.AsSpan(at, block.Length));
                }

                done = Math.Max(done, Math.Min(at + block.Length, header.Stored)); // newer pages follow, in any order
                options.Progress?.Report(new DumpProgress(done, header.Stored));
            },
            cancellationToken);
        options.Progress?.Report(new DumpProgress(header.Stored, header.Stored));
        if (header.Formatted)
        {
            PersistentHeap.Adopt(region);
        }

        region.Flush(0, region.Length);
    }
}
