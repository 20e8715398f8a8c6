using System.IO.Pipes;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace GuestMemFs.VirtualMachines;

/// <summary>
/// A machine's state without its RAM, over a descriptor: QEMU would write() to a file, which a medium of memory may
/// refuse. Shared RAM stays where it is (<c>x-ignore-shared</c>), and devices are saved as for a reboot of the host
/// where this QEMU knows that (<c>cpr-reboot</c>, since 8.2).
/// </summary>
internal sealed class MachineState(string machine, QmpClient monitor, TimeSpan limit)
{
    private const string Name = "gmf-state";

    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(1);

    /// <summary>Saves a stopped machine.</summary>
    public async Task<long> SaveAsync(Stream to, CancellationToken cancellationToken)
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.In);
        return await RunAsync("migrate", "saving its state", pipe, token => DrainAsync(pipe, to, token),
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Restores into a machine that was started with <c>-incoming defer</c>.</summary>
    public async Task LoadAsync(Stream from, CancellationToken cancellationToken)
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
        await RunAsync("migrate-incoming", "restoring its state", pipe, token => FeedAsync(from, pipe, token),
            cancellationToken).ConfigureAwait(false);
    }

    private async Task<long> RunAsync(string command, string what, AnonymousPipeServerStream pipe,
        Func<CancellationToken, Task<long>> copy, CancellationToken cancellationToken)
    {
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limited.CancelAfter(limit);
        Task<long>? copying = null;
        try
        {
            await PrepareAsync(pipe, limited.Token).ConfigureAwait(false);
            IAsyncEnumerable<QmpEvent> events = monitor.ReadEventsAsync(limited.Token);
            copying = copy(limited.Token);
            await monitor.ExecuteAsync(command, new JsonObject { ["uri"] = "fd:" + Name },
                cancellationToken: limited.Token).ConfigureAwait(false);
            await CompletedAsync(events, limited.Token).ConfigureAwait(false);
            return await copying.WaitAsync(limited.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (copying is { IsFaulted: true } || e is not OperationCanceledException)
        {
            // QEMU is told of a stream that failed, and may say that it failed too before the stream's task has ended.
            await Task.WhenAny(copying ?? Task.CompletedTask, Task.Delay(s_grace, CancellationToken.None))
                .ConfigureAwait(false);
            if (copying is { IsFaulted: true })
            {
                throw new VirtualMachineException(machine, $"{what} failed, because the stream it goes through " +
                    $"did. {copying.Exception.GetBaseException().Message}", copying.Exception.InnerException ?? e);
            }

            if (e is QmpException)
            {
                throw new VirtualMachineException(machine, $"{what} failed. {e.Message}", e);
            }

            throw;
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new VirtualMachineException(machine, $"{what} was not done within {limit.TotalSeconds:0.###} s.", e);
        }
    }

    private async Task PrepareAsync(AnonymousPipeServerStream pipe, CancellationToken cancellationToken)
    {
        var capabilities = new JsonArray(
            new JsonObject { ["capability"] = "x-ignore-shared", ["state"] = true },
            new JsonObject { ["capability"] = "events", ["state"] = true });
        await monitor.ExecuteAsync("migrate-set-capabilities", new JsonObject { ["capabilities"] = capabilities },
            cancellationToken: cancellationToken).ConfigureAwait(false);
        JsonElement parameters = await monitor.ExecuteAsync("query-migrate-parameters",
            cancellationToken: cancellationToken).ConfigureAwait(false);
        if (parameters.TryGetProperty("mode", out _))
        {
            await monitor.ExecuteAsync("migrate-set-parameters", new JsonObject { ["mode"] = "cpr-reboot" },
                cancellationToken: cancellationToken).ConfigureAwait(false);
        }

        await monitor.PassDescriptorAsync(Name, pipe.ClientSafePipeHandle, cancellationToken).ConfigureAwait(false);
        pipe.DisposeLocalCopyOfClientHandle(); // QEMU has its own: where that is closed, the pipe ends
    }

    private async Task CompletedAsync(IAsyncEnumerable<QmpEvent> events, CancellationToken cancellationToken)
    {
        await foreach (QmpEvent happened in events.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            string? status = happened.Name == "MIGRATION" ? happened.Data.GetProperty("status").GetString() : null;
            if (status == "completed")
            {
                return;
            }

            if (status is "failed" or "cancelled")
            {
                JsonElement migration = await monitor.ExecuteAsync("query-migrate",
                    cancellationToken: cancellationToken).ConfigureAwait(false);
                string reason = migration.TryGetProperty("error-desc", out JsonElement said) ? said.GetString()!
                    : "QEMU gives no reason; its standard error may";
                throw new VirtualMachineException(machine, $"the state's transfer {status}: {reason}.");
            }
        }
    }

    private static async Task<long> DrainAsync(
        AnonymousPipeServerStream pipe, Stream to, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[64 << 10];
        long copied = 0;
        try
        {
            while (await pipe.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is > 0 and int read)
            {
                await to.WriteAsync(buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
                copied += read;
            }
        }
        finally
        {
            await pipe.DisposeAsync().ConfigureAwait(false); // QEMU, which may still write, is told
        }

        return copied;
    }

    private static async Task<long> FeedAsync(
        Stream from, AnonymousPipeServerStream pipe, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[64 << 10];
        long copied = 0;
        try
        {
            while (await from.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is > 0 and int read)
            {
                try
                {
                    await pipe.WriteAsync(buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
                    copied += read;
                }
                catch (IOException)
                {
                    break; // QEMU closed its end: it has all that it wants, or says why it does not
                }
            }
        }
        finally
        {
            await pipe.DisposeAsync().ConfigureAwait(false);
        }

        return copied;
    }
}
