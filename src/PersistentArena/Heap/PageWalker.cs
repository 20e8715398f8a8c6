namespace GuestMemFs.Heap;

/// <summary>
/// Finds again, a few pages at a time and only when somebody needs room, what was free when the heap was attached: free
/// runs, and slabs that may have free blocks.
/// </summary>
/// <remarks>Not thread-safe: the heap's lock is held.</remarks>
internal sealed unsafe class PageWalker
{
    private readonly IHeapSpace _space;
    private readonly PageTable _table;
    private readonly RunAllocator _runs;
    private readonly Queue<long>[] _unscanned = new Queue<long>[SizeClasses.Count];
    private readonly long _end;
    private long _next = HeapFormat.FirstPage;
    private Action? _before;

    /// <summary>Starts at the first page; what is handed out from now on is known and not walked.</summary>
    public PageWalker(IHeapSpace space, PageTable table, RunAllocator runs)
    {
        _space = space;
        _table = table;
        _runs = runs;
        _end = runs.Frontier;
        for (int i = 0; i < _unscanned.Length; i++)
        {
            _unscanned[i] = new Queue<long>(0);
        }
    }

    /// <summary>True once all pages were seen.</summary>
    public bool Finished => _next >= _end;

    /// <summary>
    /// True for a page that is still ahead: a run that becomes free there is left for the walk to find.
    /// </summary>
    public bool WillSee(long page) => page >= _next && page < _end;

    /// <summary>
    /// Has something looked at before the first page is: a block whose damaged header would look free. What it throws,
    /// everybody is told who looks for room.
    /// </summary>
    public void Before(Action check)
    {
        if (_next == HeapFormat.FirstPage)
        {
            _before += check;
        }
        else
        {
            check();
        }
    }

    /// <summary>A slab of the class that nobody has looked into since the attach.</summary>
    public bool TryTakeUnscanned(int sizeClass, out long page) => _unscanned[sizeClass].TryDequeue(out page);

    /// <summary>A slab of any class that nobody has looked into since the attach.</summary>
    public bool TryTakeUnscanned(out int sizeClass, out long page)
    {
        for (sizeClass = 0; sizeClass < _unscanned.Length; sizeClass++)
        {
            if (_unscanned[sizeClass].TryDequeue(out page))
            {
                return true;
            }
        }

        page = 0;
        return false;
    }

    /// <summary>Looks at up to so many slabs and runs.</summary>
    public void Walk(int steps)
    {
        _before?.Invoke();
        _before = null;
        for (; steps > 0 && _next < _end; steps--)
        {
            long zone = PageTable.ZoneOf(_next);
            if (_next < PageTable.FirstPageOf(zone))
            {
                _next = PageTable.FirstPageOf(zone);
                continue;
            }

            PageDescriptor descriptor = _table.First(_next, _end);
            long pages = descriptor.Count;
            if (descriptor.Kind == PageKind.Slab)
            {
                _unscanned[descriptor.SizeClass].Enqueue(_next);
            }
            else if (BlockHeader.IsFree(*(ulong*)(_space.Base + (_next << HeapFormat.PageShift)), _space.Epoch))
            {
                _runs.Give(_next, pages);
            }

            _next += pages;
        }
    }
}
