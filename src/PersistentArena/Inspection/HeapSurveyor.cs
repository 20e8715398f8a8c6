using GuestMemFs.Heap;

namespace GuestMemFs.Inspection;

/// <summary>
/// Looks at what a heap's pages are, without opening it as a heap. Beside a living writer it sees each page at another
/// instant.
/// </summary>
internal sealed unsafe class HeapSurveyor
{
    private readonly IHeapSpace _space;
    private readonly PageTable _table;
    private readonly HeapStretch[] _parts;
    private readonly (int Slabs, double Full)[] _samples;
    private readonly long _pagesPerPart;
    private readonly int _slabsPerPart;
    private long _longest;
    private long _freeBefore;
    private bool _consistent;

    private HeapSurveyor(IHeapSpace space, int parts, int slabsPerPart)
    {
        _space = space;
        _table = new PageTable(space);
        _parts = new HeapStretch[parts];
        _samples = new (int, double)[parts];
        _pagesPerPart = Math.Max(1, ((space.Length >> HeapFormat.PageShift) + parts - 1) / parts);
        _slabsPerPart = slabsPerPart;
    }

    /// <summary>Looks at the pages below the frontier.</summary>
    /// <param name="space">The heap's memory.</param>
    /// <param name="parts">In how many equal parts of the whole region to add up.</param>
    /// <param name="slabsPerPart">How many slabs of a part are looked into; the others are taken to be as full.</param>
    public static HeapSurvey Take(IHeapSpace space, int parts, int slabsPerPart)
    {
        var surveyor = new HeapSurveyor(space, parts, slabsPerPart);
        bool known = new HeapFrontier(space).TryRead(out long frontier);
        surveyor._consistent = known;
        frontier = known ? frontier : HeapFormat.FirstPage;
        surveyor.Walk(frontier);
        return new HeapSurvey
        {
            Parts = surveyor._parts,
            PartBytes = (double)space.Length / parts,
            LengthBytes = space.Length,
            FrontierBytes = frontier << HeapFormat.PageShift,
            LongestFreeBytes = surveyor._longest,
            IsConsistent = surveyor._consistent,
        };
    }

    private void Walk(long frontier)
    {
        for (long page = HeapFormat.FirstPage; page < frontier;)
        {
            long first = PageTable.FirstPageOf(PageTable.ZoneOf(page));
            if (page < first)
            {
                page = first;
                _freeBefore = 0;
                continue;
            }

            if (!TryDescribe(page, out PageDescriptor descriptor) || descriptor.Kind == PageKind.Continuation
                || descriptor.Count > frontier - page)
            {
                _consistent = false;
                _freeBefore = 0;
                page++;
                continue;
            }

            Look(page, descriptor);
            page += descriptor.Count;
        }
    }

    private void Look(long page, PageDescriptor descriptor)
    {
        long bytes = (long)descriptor.Count << HeapFormat.PageShift;
        bool free = descriptor.Kind == PageKind.Run && IsFree(_space.Base + (page << HeapFormat.PageShift));
        _freeBefore = free ? _freeBefore + bytes : 0;
        _longest = Math.Max(_longest, _freeBefore);
        if (descriptor.Kind != PageKind.Slab)
        {
            Add(page, new HeapStretch(descriptor.Count, free ? 0 : bytes, free ? bytes : 0, 0, Runs: 1, Slabs: 0));
            return;
        }

        ref (int Slabs, double Full) sample = ref _samples[PartOf(page)];
        double full = sample.Slabs < _slabsPerPart ? Full(page, descriptor) : sample.Full / sample.Slabs;
        if (sample.Slabs < _slabsPerPart)
        {
            sample = (sample.Slabs + 1, sample.Full + full);
        }

        long used = (long)(bytes * full);
        Add(page, new HeapStretch(descriptor.Count, used, 0, bytes - used, Runs: 0, Slabs: 1));
    }

    /// <summary>A long run reaches over several parts: each gets its share.</summary>
    private void Add(long page, HeapStretch piece)
    {
        int part = PartOf(page);
        long left = piece.Pages;
        for (bool first = true; left > 0; first = false)
        {
            long here = part == _parts.Length - 1 ? left : Math.Min(left, ((part + 1L) * _pagesPerPart) - page);
            double share = (double)here / piece.Pages;
            ref HeapStretch sum = ref _parts[part];
            sum = new HeapStretch(
                sum.Pages + here,
                sum.UsedBytes + (long)(piece.UsedBytes * share),
                sum.FreeRunBytes + (long)(piece.FreeRunBytes * share),
                sum.FreeInSlabBytes + (long)(piece.FreeInSlabBytes * share),
                sum.Runs + (first ? piece.Runs : 0),
                sum.Slabs + (first ? piece.Slabs : 0));
            left -= here;
            page += here;
            part++;
        }
    }

    private int PartOf(long page) => (int)Math.Min(_parts.Length - 1, page / _pagesPerPart);

    private double Full(long page, PageDescriptor descriptor)
    {
        long size = SizeClasses.SizeOf(descriptor.SizeClass);
        int blocks = SizeClasses.SlabBlocks(descriptor.SizeClass, descriptor.Count);
        byte* block = _space.Base + (page << HeapFormat.PageShift);
        int used = 0;
        for (int i = 0; i < blocks; i++, block += size)
        {
            used += IsFree(block) ? 0 : 1;
        }

        return blocks == 0 ? 0 : (double)used / blocks;
    }

    /// <summary>What a thread's cache holds is free too: nothing lies in it.</summary>
    private static bool IsFree(byte* block) => !BlockHeader.IsAllocated(Volatile.Read(ref *(ulong*)block));

    private bool TryDescribe(long page, out PageDescriptor descriptor)
    {
        try
        {
            descriptor = _table[page];
            return true;
        }
        catch (HeapDamagedException)
        {
            descriptor = default;
            return false; // Counted by the caller: a survey says that something is wrong, Verify(deep) says what.
        }
    }
}
