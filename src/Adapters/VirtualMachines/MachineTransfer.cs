using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using GuestMemFs.VirtualMachines.Native;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.VirtualMachines;

/// <summary>
/// QEMU's <c>cpr-transfer</c> (10.0 and later): both processes are there at once, the old one hands its descriptors and
/// its devices' state to the new one over sockets. The RAM's files the new process opens by itself; their locks are
/// handed over as copies of the old one's, so that there is no instant without them.
/// </summary>
internal sealed class MachineTransfer(VirtualMachine from, VirtualMachineOptions options, bool runs)
{
    private readonly string _main = options.MonitorSocket + ".main";
    private readonly string _cpr = options.MonitorSocket + ".cpr";

    /// <summary>Replaces it. Whatever goes wrong before the old process is told to quit, it runs on.</summary>
    public async Task<(VirtualMachine Machine, TimeSpan Pause)> RunAsync(CancellationToken cancellationToken)
    {
        DeleteSockets();
        QemuProcess qemu = QemuProcess.Start(options, ["-incoming", Channel("main", _main).ToJsonString(), "-incoming",
            Channel("cpr", _cpr).ToJsonString()], lends: false);
        VirtualMachine? to = null;
        long start = Stopwatch.GetTimestamp();
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limited.CancelAfter(options.StateTimeout);
        try
        {
            await qemu.WhileItLivesAsync(ListensAsync, limited.Token).ConfigureAwait(false);
            start = Stopwatch.GetTimestamp();
            await from.PauseAsync(limited.Token).ConfigureAwait(false);
            await MigrateAsync(limited.Token).ConfigureAwait(false);
            // It listens once it has the descriptors.
            to = new VirtualMachine(options, qemu.Process,
                await qemu.ConnectAsync(limited.Token).ConfigureAwait(false));
            await CompletedAsync(from, limited.Token).ConfigureAwait(false);
            await CompletedAsync(to, limited.Token).ConfigureAwait(false);
            await LendAsync(to, limited.Token).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            await GoBackAsync(qemu, to).ConfigureAwait(false);
            bool isLate = e is OperationCanceledException && !cancellationToken.IsCancellationRequested;
            if (e is not QmpException && !isLate)
            {
                throw;
            }

            string why = e is QmpException ? e.Message
                : $"It was not done within {options.StateTimeout.TotalSeconds:0.###} s.";
            throw new VirtualMachineException(from.Name, $"it was not handed over, and runs where it ran. {why}", e);
        }
        finally
        {
            DeleteSockets();
        }

        await from.QuitAsync(CancellationToken.None).ConfigureAwait(false);
        await from.DisposeAsync().ConfigureAwait(false);
        if (runs)
        {
            await to.ResumeAsync(CancellationToken.None).ConfigureAwait(false);
        }

        return (to, Stopwatch.GetElapsedTime(start));
    }

    private void DeleteSockets()
    {
        File.Delete(_main);
        File.Delete(_cpr);
    }

    private async Task MigrateAsync(CancellationToken cancellationToken)
    {
        await from.Monitor.ExecuteAsync("migrate-set-parameters", new JsonObject { ["mode"] = "cpr-transfer" },
            cancellationToken: cancellationToken).ConfigureAwait(false);
        var channels = new JsonArray(Channel("main", _main), Channel("cpr", _cpr));
        await from.Monitor.ExecuteAsync("migrate", new JsonObject { ["channels"] = channels },
            cancellationToken: cancellationToken).ConfigureAwait(false);
    }

    private async Task GoBackAsync(QemuProcess qemu, VirtualMachine? to)
    {
        try
        {
            await qemu.KillAsync().ConfigureAwait(false);
        }
        catch (InvalidOperationException)
        {
            // It had ended, and was disposed of with its words.
        }

        if (to is not null)
        {
            await to.DisposeAsync().ConfigureAwait(false);
        }

        if (runs)
        {
            await from.ResumeAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>QEMU keeps what it is passed until it ends, under whatever name.</summary>
    private async Task LendAsync(VirtualMachine to, CancellationToken cancellationToken)
    {
        int number = 0;
        foreach (SafeFileHandle loan in Loans.CopyOf(from.ProcessId))
        {
            using (loan)
            {
                await to.Monitor.PassDescriptorAsync($"gmf-loan-{number++}", loan,
                    cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task<bool> ListensAsync(CancellationToken cancellationToken)
    {
        while (!File.Exists(_cpr))
        {
            await Task.Delay(1, cancellationToken).ConfigureAwait(false);
        }

        return true;
    }

    private static async Task CompletedAsync(VirtualMachine machine, CancellationToken cancellationToken)
    {
        while (true)
        {
            JsonElement migration = await machine.Monitor.ExecuteAsync("query-migrate",
                cancellationToken: cancellationToken).ConfigureAwait(false);
            switch (migration.TryGetProperty("status", out JsonElement status) ? status.GetString() : null)
            {
                case "completed":
                    return;
                case "failed" or "cancelled":
                    string? why = migration.TryGetProperty("error-desc", out JsonElement said) ? said.GetString()
                        : "QEMU gives no reason";
                    throw new VirtualMachineException(machine.Name,
                        $"it was not handed over, and runs where it ran: {why}.");
                default:
                    await Task.Delay(1, cancellationToken).ConfigureAwait(false);
                    break;
            }
        }
    }

    private static JsonObject Channel(string type, string path) => new()
    {
        ["channel-type"] = type,
        ["addr"] = new JsonObject { ["transport"] = "socket", ["type"] = "unix", ["path"] = path },
    };
}
