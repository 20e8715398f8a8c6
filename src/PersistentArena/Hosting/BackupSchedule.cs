using Microsoft.Extensions.Hosting;

namespace GuestMemFs.Hosting;

/// <summary>Takes a copy of a registered arena's heap at an interval, where one is set.</summary>
internal sealed class BackupSchedule(ArenaLifetime lifetime, TimeProvider time) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (lifetime.BackupEvery is not { } interval)
        {
            return;
        }

        using var timer = new PeriodicTimer(interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
        {
            await Task.Run(() => lifetime.Backup(stoppingToken), stoppingToken).ConfigureAwait(false);
        }
    }
}
