using Microsoft.Extensions.Hosting;

namespace GuestMemFs.Hosting;

/// <summary>
/// Gives back the memory of what expired or was cleared in the registered dictionaries of an arena, and moves records
/// together where free memory is scattered: a few buckets ten times a second, in steps of about a millisecond.
/// </summary>
internal sealed class DictionaryUpkeep(Func<PersistentDictionary[]> open, TimeProvider time) : BackgroundService
{
    private const int BucketsAStep = 1024;

    private static readonly TimeSpan s_compaction = TimeSpan.FromMicroseconds(500);
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        PersistentDictionary[] dictionaries = open();
        using var timer = new PeriodicTimer(s_interval, time);
        while (dictionaries.Length > 0 && await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
        {
            foreach (PersistentDictionary dictionary in dictionaries)
            {
                Step(dictionary);
            }
        }
    }

    private static void Step(PersistentDictionary dictionary)
    {
        if (!dictionary.Core.Heap.Space.IsWritable)
        {
            return;
        }

        dictionary.CollectGarbage(BucketsAStep);
        if (dictionary.ExpiringCount > 0)
        {
            dictionary.RemoveExpired(BucketsAStep);
        }

        dictionary.Core.Heap.Compact(s_compaction);
    }
}
