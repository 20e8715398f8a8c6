using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace GuestMemFs.VirtualMachines;

/// <summary>
/// A QEMU process whose RAM is regions of an arena. The loan of the regions is the process's: it ends when the process
/// does, whatever became of this object.
/// </summary>
/// <remarks>Disposing leaves the monitor and lets the machine run; <see cref="QuitAsync"/> ends it.</remarks>
public sealed class VirtualMachine : IAsyncDisposable
{
    private readonly VirtualMachineOptions _options;
    private readonly Process? _process; // null where somebody else started it

    internal VirtualMachine(VirtualMachineOptions options, Process? process, QmpClient monitor)
    {
        _options = options;
        _process = process;
        ProcessId = process?.Id ?? monitor.PeerProcessId;
        Monitor = monitor;
    }

    /// <summary>Its name.</summary>
    public string Name => _options.Name;

    /// <summary>QEMU's process.</summary>
    public int ProcessId { get; }

    /// <summary>QEMU's monitor.</summary>
    public QmpClient Monitor { get; }

    /// <summary>Starts a machine; it runs when this returns, unless it was told to wait (<c>-S</c>).</summary>
    /// <exception cref="VirtualMachineException">A region is another machine's, or QEMU did not start: with its
    /// words.</exception>
    public static Task<VirtualMachine> StartAsync(VirtualMachineOptions options,
        CancellationToken cancellationToken = default) => StartAsync(options, [], cancellationToken);

    /// <summary>A machine that runs already: started by another process, or by this one before.</summary>
    /// <exception cref="QmpException">Nobody answers at its monitor's socket, or not as QEMU does.</exception>
    public static async Task<VirtualMachine> ConnectAsync(
        VirtualMachineOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new VirtualMachine(options, null,
            await QmpClient.ConnectAsync(options.MonitorSocket, options.Monitor,
                cancellationToken).ConfigureAwait(false));
    }

    /// <summary>
    /// Starts a machine that goes on where a saved one stopped, on the RAM as it lies in its regions. It does not run a
    /// single instruction before <see cref="ResumeAsync"/>.
    /// </summary>
    /// <param name="options">Those of the machine that was saved.</param>
    /// <param name="state">What <see cref="SaveStateAsync"/> wrote.</param>
    /// <param name="cancellationToken">Ends the wait, and the machine.</param>
    /// <exception cref="VirtualMachineException">QEMU did not start, or did not take the state. There is no such
    /// process left; RAM and state are as they were.</exception>
    public static async Task<VirtualMachine> RestoreAsync(
        VirtualMachineOptions options, Stream state, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(state);
        VirtualMachine machine = await StartAsync(options, ["-incoming", "defer"],
            cancellationToken).ConfigureAwait(false);
        try
        {
            await new MachineState(machine.Name, machine.Monitor, options.StateTimeout).LoadAsync(state,
                cancellationToken).ConfigureAwait(false);
            return machine;
        }
        catch
        {
            machine._process!.Kill();
            await machine._process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
            await machine.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>QEMU's word for what it does: "running", "paused", "postmigrate" …</summary>
    public async Task<string> GetStatusAsync(CancellationToken cancellationToken = default)
    {
        JsonElement status = await Monitor.ExecuteAsync("query-status",
            cancellationToken: cancellationToken).ConfigureAwait(false);
        return status.GetProperty("status").GetString()!;
    }

    /// <summary>Stops its processors. Once this returned, the RAM does not change.</summary>
    public Task PauseAsync(CancellationToken cancellationToken = default) =>
        Monitor.ExecuteAsync("stop", cancellationToken: cancellationToken);

    /// <summary>Lets its processors run.</summary>
    public Task ResumeAsync(CancellationToken cancellationToken = default) =>
        Monitor.ExecuteAsync("cont", cancellationToken: cancellationToken);

    /// <summary>
    /// Stops the machine and writes the state of its devices, without the RAM: some hundred kilobytes, whatever the
    /// RAM's size. It stays stopped: <see cref="QuitAsync"/>, or <see cref="ResumeAsync"/> to let it go on after all.
    /// </summary>
    /// <returns>Bytes written.</returns>
    /// <exception cref="VirtualMachineException">QEMU could not: a device that cannot be saved, for one. The machine
    /// runs again, if it ran before.</exception>
    public async Task<long> SaveStateAsync(Stream to, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(to);
        bool ran = await GetStatusAsync(cancellationToken).ConfigureAwait(false) == "running";
        await PauseAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await new MachineState(Name, Monitor, _options.StateTimeout).SaveAsync(to,
                cancellationToken).ConfigureAwait(false);
        }
        catch when (ran)
        {
            await ResumeAsync(CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>
    /// Puts another QEMU process in this one's place, on the same RAM: for a newer QEMU, or for a machine that is to be
    /// another service's child. The guest stands still from the first step to the last; how long, does not depend on
    /// its RAM.
    /// </summary>
    /// <param name="options">How the new process is started: as this machine was, but for the executable and the
    /// monitor's socket.</param>
    /// <param name="state">
    /// Where the device state goes and comes from; it is written, and read from where it began. It is still there if
    /// the new process does not start. Not used where both have <see cref="VirtualMachineOptions.CprTransfer"/>.
    /// </param>
    /// <param name="cancellationToken">Heeded up to the end of this process; after that a machine would be left without
    /// one.</param>
    /// <returns>The new process, which runs where this one did, and how long the guest stood still. This object is
    /// disposed of.</returns>
    /// <exception cref="VirtualMachineException">
    /// The state could not be saved: this machine runs on. Or the new process did not take it: RAM and state are there
    /// for <see cref="RestoreAsync"/>.
    /// </exception>
    public async Task<(VirtualMachine Machine, TimeSpan Pause)> ReplaceAsync(
        VirtualMachineOptions options, Stream state, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(state);
        bool runs = await GetStatusAsync(cancellationToken).ConfigureAwait(false) == "running";
        long begin = state.Position;
        if (_options.CprTransfer && options.CprTransfer)
        {
            return await new MachineTransfer(this, options, runs).RunAsync(cancellationToken).ConfigureAwait(false);
        }

        long start = Stopwatch.GetTimestamp();
        await SaveStateAsync(state, cancellationToken).ConfigureAwait(false);
        await QuitAsync(CancellationToken.None).ConfigureAwait(false);
        await DisposeAsync().ConfigureAwait(false);
        state.Position = begin;
        VirtualMachine machine = await RestoreAsync(options, state, CancellationToken.None).ConfigureAwait(false);
        if (runs)
        {
            await machine.ResumeAsync(CancellationToken.None).ConfigureAwait(false);
        }

        return (machine, Stopwatch.GetElapsedTime(start));
    }

    /// <summary>Ends QEMU and waits until it is gone, and the loan of its RAM with it.</summary>
    public async Task QuitAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            await Monitor.ExecuteAsync("quit", cancellationToken: cancellationToken).ConfigureAwait(false);
        }
        catch (QmpDisconnectedException)
        {
            // It may be gone before its answer is read.
        }

        await WaitForExitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Waits until QEMU is gone: because the guest switched itself off, for one.</summary>
    public async Task WaitForExitAsync(CancellationToken cancellationToken = default)
    {
        if (_process is not null)
        {
            await _process.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
            return;
        }

        while (IsAlive(ProcessId))
        {
            await Task.Delay(5, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Monitor.DisposeAsync().ConfigureAwait(false);
        _process?.Dispose();
    }

    // What nobody has waited for yet is there as a zombie. It holds nothing any more once its other threads, which may
    // end later than its first, are gone.
    private static bool IsAlive(int process)
    {
        string folder = string.Create(CultureInfo.InvariantCulture, $"/proc/{process}");
        try
        {
            string stat = File.ReadAllText(Path.Combine(folder, "stat"));
            return stat[stat.LastIndexOf(')')..] is not [_, _, 'Z' or 'X', ..]
                || Directory.GetDirectories(Path.Combine(folder, "task")).Length > 1;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static async Task<VirtualMachine> StartAsync(
        VirtualMachineOptions options, IReadOnlyList<string> more, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        QemuProcess qemu = QemuProcess.Start(options, more, lends: true);
        return new VirtualMachine(options, qemu.Process,
            await qemu.ConnectAsync(cancellationToken).ConfigureAwait(false));
    }
}
