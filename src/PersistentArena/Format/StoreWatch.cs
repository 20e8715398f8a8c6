using System.Runtime.CompilerServices;

namespace GuestMemFs.Format;

/// <summary>Tells of stores to ranges of memory before they are made.</summary>
/// <remarks>A range is added and taken out while nothing stores to it, or its watcher bears to be told once
/// more.</remarks>
internal static unsafe class StoreWatch
{
    /// <summary>
    /// True where somebody watches: what a store looks at. In a class without a static constructor, which would be
    /// looked at as well.
    /// </summary>
    public static bool IsOn;

    public static void Add(StoreWatcher watcher)
    {
        lock (Watchers.Gate)
        {
            Volatile.Write(ref Watchers.All, [.. Watchers.All, watcher]);
            Volatile.Write(ref IsOn, true);
        }
    }

    public static void Remove(StoreWatcher watcher)
    {
        lock (Watchers.Gate)
        {
            StoreWatcher[] left = [.. Watchers.All.Where(it => !ReferenceEquals(it, watcher))];
            Volatile.Write(ref Watchers.All, left);
            Volatile.Write(ref IsOn, left.Length > 0);
        }
    }

    /// <summary>Tells those whose range it meets.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Before(void* at, long length)
    {
        foreach (StoreWatcher watcher in Volatile.Read(ref Watchers.All))
        {
            long from = Math.Max(0, (nint)at - watcher.Start);
            long end = Math.Min(watcher.Length, (nint)at + length - watcher.Start);
            if (from < end)
            {
                watcher.Before(from, end);
            }
        }
    }

    private static class Watchers
    {
        public static readonly Lock Gate = new();

        public static StoreWatcher[] All = []; // replaced, never changed
    }
}

/// <summary>Is told of stores to a range.</summary>
/// <param name="start">Its first byte.</param>
/// <param name="length">Bytes.</param>
internal abstract class StoreWatcher(nint start, long length)
{
    /// <summary>The first byte.</summary>
    public nint Start { get; } = start;

    /// <summary>Bytes.</summary>
    public long Length { get; } = length;

    /// <summary>Some bytes of the range are about to change. On the thread that changes them; on several at
    /// once.</summary>
    /// <param name="from">The first, in bytes from <see cref="Start"/>.</param>
    /// <param name="end">Behind the last.</param>
    public abstract void Before(long from, long end);
}
