namespace GuestMemFs.Heap;

/// <summary>
/// Takes memory from the medium before it is needed, on a thread of the pool: a huge page is zeroed and put together
/// for a millisecond or more, and no writer should wait for that. Whoever needs the memory takes it himself all the
/// same, a small piece, which is free where this was faster, and says so where there is none.
/// </summary>
/// <remarks>Thread-safe. One request at a time; others are left out, since they are only a help.</remarks>
internal sealed class BackingAhead(IHeapSpace space)
{
    private const long Step = 2L << 20;

    private int _busy;

    public void Request(long offset, long length)
    {
        if (length > 0 && Interlocked.Exchange(ref _busy, 1) == 0)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static request => request.Ahead.Take(request.Offset, request.Length),
                (Ahead: this, Offset: offset, Length: length), preferLocal: false);
        }
    }

    private void Take(long offset, long length)
    {
        try
        {
            // Whole huge pages, each by itself, and none that is in use already: to put that together would hold up its
            // writers.
            for (long end = offset + length, at = (offset + Step - 1) & -Step; at < end; at += Step)
            {
                space.EnsureBacked(at, Math.Min(Step, space.Length - at));
            }
        }
        catch (Exception error) when (error is ArenaException or ObjectDisposedException or ArgumentOutOfRangeException)
        {
            // Full, closed or gone: whoever needs the memory is told.
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }
}
