using System.Runtime.CompilerServices;
using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>The page descriptors of all zones, where they lie.</summary>
internal readonly unsafe struct PageTable(IHeapSpace space)
{
    private readonly byte* _base = space.Base;
    private readonly string _name = space.Name;

    /// <summary>The first page of a zone that is not its page table (or the heap's header).</summary>
    public static long FirstPageOf(long zone) =>
        (zone << HeapFormat.PagesPerZoneShift) + HeapFormat.TablePages + (zone == 0 ? HeapFormat.HeaderPages : 0);

    public static long ZoneOf(long page) => page >> HeapFormat.PagesPerZoneShift;

    /// <summary>Offset and length in bytes of a zone's page table.</summary>
    public static (long Offset, long Length) TableOf(long zone) =>
        ((zone << HeapFormat.ZoneShift) + (zone == 0 ? HeapFormat.HeaderPages * HeapFormat.PageSize : 0),
            HeapFormat.TablePages * HeapFormat.PageSize);

    /// <summary>The descriptor of a page below the frontier.</summary>
    public PageDescriptor this[long page] =>
        Guard.Holds(PageDescriptor.TryDecode(*Word(page), page, out PageDescriptor descriptor))
            ? descriptor
            : throw new HeapDamagedException(_name, (byte*)Word(page) - _base,
                $"the descriptor of page {page} does not check");

    /// <summary>
    /// The descriptor of the first page of a slab or run, all of which lies below <paramref name="end"/>.
    /// </summary>
    public PageDescriptor First(long page, long end)
    {
        PageDescriptor descriptor = this[page];
        return Guard.Holds(descriptor.Kind != PageKind.Continuation && descriptor.Count <= end - page)
            ? descriptor
            : throw new HeapDamagedException(_name, (byte*)Word(page) - _base,
                $"page {page} begins no slab or run that could be there");
    }

    /// <summary>Slabs and runs below the frontier, each with its first page. In a heap that stands still.</summary>
    public IEnumerable<(long Page, PageDescriptor Unit)> Units(long frontier)
    {
        for (long page = HeapFormat.FirstPage; page < frontier;)
        {
            long first = FirstPageOf(ZoneOf(page));
            if (page < first)
            {
                page = first;
                continue;
            }

            PageDescriptor unit = First(page, frontier);
            yield return (page, unit);
            page += unit.Count;
        }
    }

    public void Store(long page, PageDescriptor descriptor) => Persist.Store(Word(page), descriptor.Encode(page));

    public void Publish(long page, PageDescriptor descriptor) =>
        Persist.Publish(Word(page), descriptor.Encode(page)); // COMMIT POINT: pages

    /// <summary>
    /// First page of the slab or run that a page belongs to. A page inside a run, other than its first, has no valid
    /// descriptor.
    /// </summary>
    public long StartOf(long page, out PageDescriptor descriptor)
    {
        descriptor = this[page];
        if (descriptor.Kind == PageKind.Continuation)
        {
            page -= descriptor.Count;
            descriptor = this[Math.Max(page, HeapFormat.FirstPage)];
        }

        return page;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong* Word(long page)
    {
        long zone = ZoneOf(page);
        return (ulong*)(_base + TableOf(zone).Offset) + (page & (HeapFormat.PagesPerZone - 1));
    }
}
