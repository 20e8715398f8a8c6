using Microsoft.Extensions.Hosting;

namespace GuestMemFs.Hosting;

/// <summary>Looks four times a minute whether a registered arena's files are still in their place.</summary>
internal sealed class ArenaWatch(ArenaLifetime lifetime, TimeProvider time) : BackgroundService
{
    /// <summary>How often.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(15);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
        {
            lifetime.CheckFiles();
        }
    }
}
