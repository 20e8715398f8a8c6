using System.Collections.Concurrent;

namespace GuestMemFs.Mutants;

/// <summary>Two threads that do one piece of work after the other: the machine is shared.</summary>
internal static class Workers
{
    private const int Count = 2;

    public static void Run<T>(IEnumerable<T> work, Action<T, int> act)
    {
        using BlockingCollection<T> left = new(new ConcurrentQueue<T>(work));
        left.CompleteAdding();
        Thread[] threads = [.. Enumerable.Range(0, Count).Select(worker => new Thread(() =>
        {
            foreach (T piece in left.GetConsumingEnumerable())
            {
                act(piece, worker);
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
    }
}
