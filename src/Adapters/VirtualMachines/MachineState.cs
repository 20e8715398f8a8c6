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

    /// <summary>Saves a stopped machine.</summary>
    public async Task<long> SaveAsync(Stream to, CancellationToken cancellation)
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.In);
        return await RunAsync("migrate", "saving its state", pipe, token => DrainAsync(pipe, to, token),
            cancellation).ConfigureAwait(false);
    }

    /// <summary>Restores into a machine that was started with <c>-incoming defer</c>.</summary>
    public async Task LoadAsync(Stream from, CancellationToken cancellation)
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
        await RunAsync("migrate-incoming", "restoring its state", pipe, token => FeedAsync(from, pipe, token),
            cancellation).ConfigureAwait(false);
    }

    private async Task<long> RunAsync(string command, string what, AnonymousPipeServerStream pipe,
        Func<CancellationToken, Task<long>> copy, CancellationToken cancellation)
    {
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limited.CancelAfter(limit);
        Task<long>? copying = null;
        try
        {
            await PrepareAsync(pipe, limited.Token).ConfigureAwait(false);
            IAsyncEnumerable<QmpEvent> events = monitor.ReadEventsAsync(limited.Token);
            copying = copy(limited.Token);
            await monitor.ExecuteAsync(command, new JsonObject { ["uri"] = "fd:" + Name },
                cancellation: limited.Token).ConfigureAwait(false);
            await CompletedAsync(events, limited.Token).ConfigureAwait(false);
            return await copying.WaitAsync(limited.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (copying is { IsFaulted: true })
        {
            throw new VirtualMachineException(machine, $"{what} failed, because the stream it goes through " +
                $"did. {copying.Exception.GetBaseException().Message}", copying.Exception?.InnerException ?? e);
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new VirtualMachineException(machine, $"{what} was not done within {limit.TotalSeconds:0.###} s.", e);
        }
        catch (QmpException e)
        {
            throw new VirtualMachineException(machine, $"{what} failed. {e.Message}", e);
        }
    }

    private async Task PrepareAsync(AnonymousPipeServerStream pipe, CancellationToken cancellation)
    {
        var capabilities = new JsonArray(
            new JsonObject { ["capability"] = "x-ignore-shared", ["state"] = true },
            new JsonObject { ["capability"] = "events", ["state"] = true });
        await monitor.ExecuteAsync("migrate-set-capabilities", new JsonObject { ["capabilities"] = capabilities },
            cancellation: cancellation).ConfigureAwait(false);
        JsonElement parameters = await monitor.ExecuteAsync("query-migrate-parameters",
            cancellation: cancellation).ConfigureAwait(false);
        if (parameters.TryGetProperty("mode", out _))
        {
            await monitor.ExecuteAsync("migrate-set-parameters", new JsonObject { ["mode"] = "cpr-reboot" },
                cancellation: cancellation).ConfigureAwait(false);
        }

        await monitor.PassDescriptorAsync(Name, pipe.ClientSafePipeHandle, cancellation).ConfigureAwait(false);
        pipe.DisposeLocalCopyOfClientHandle(); // QEMU has its own: where that is closed, the pipe ends
    }

    private async Task CompletedAsync(IAsyncEnumerable<QmpEvent> events, CancellationToken cancellation)
    {
        await foreach (QmpEvent happened in events.WithCancellation(cancellation).ConfigureAwait(false))
        {
            string? status = happened.Name == "MIGRATION" ? happened.Data.GetProperty("status").GetString() : null;
            if (status == "completed")
            {
                return;
            }

            if (status is "failed" or "cancelled")
            {
                JsonElement migration = await monitor.ExecuteAsync("query-migrate",
                    cancellation: cancellation).ConfigureAwait(false);
                string reason = migration.TryGetProperty("error-desc", out JsonElement said) ? said.GetString()!
                    : "QEMU gives no reason; its standard error may";
                throw new VirtualMachineException(machine, $"the state's transfer {status}: {reason}.");
            }
        }
    }

    private static async Task<long> DrainAsync(
        AnonymousPipeServerStream pipe, Stream to, CancellationToken cancellation)
    {
        byte[] buffer = new byte[64 << 10];
        long copied = 0;
        try
        {
            while (await pipe.ReadAsync(buffer, cancellation).ConfigureAwait(false) is > 0 and int read)
            {
                await to.WriteAsync(buffer.AsMemory(0, read), cancellation).ConfigureAwait(false);
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
        Stream from, AnonymousPipeServerStream pipe, CancellationToken cancellation)
    {
        byte[] buffer = new byte[64 << 10];
        long copied = 0;
        try
        {
            while (await from.ReadAsync(buffer, cancellation).ConfigureAwait(false) is > 0 and int read)
            {
                try
                {
                    await pipe.WriteAsync(buffer.AsMemory(0, read), cancellation).ConfigureAwait(false);
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
