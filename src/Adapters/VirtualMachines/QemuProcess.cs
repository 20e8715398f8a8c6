using System.Diagnostics;

namespace GuestMemFs.VirtualMachines;

/// <summary>
/// QEMU's process at its start: what it is told, and what it says when it does not come to listening at its monitor.
/// </summary>
internal sealed class QemuProcess
{
    // Not one of QEMU's own: how flock(1) says that somebody has the lock.
    private const int LentExitCode = 75;

    private readonly VirtualMachineOptions _options;
    private readonly Task<string> _words;

    private QemuProcess(VirtualMachineOptions options, Process process)
    {
        _options = options;
        Process = process;
        _words = process.StandardError.ReadToEndAsync(CancellationToken.None);
        _ = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null, CancellationToken.None);
    }

    public Process Process { get; }

    /// <summary>Starts it.</summary>
    /// <param name="options">The machine.</param>
    /// <param name="more">Arguments behind the machine's.</param>
    /// <param name="lends">True where it takes the locks of its memory, and does not start where somebody has
    /// them.</param>
    public static QemuProcess Start(VirtualMachineOptions options, IReadOnlyList<string> more, bool lends)
    {
        PathTrust.Own.RequireDirectoryOf(options.MonitorSocket);
        File.Delete(options.MonitorSocket); // else the wait for QEMU's could find the last one's

        // flock(1) takes each region's lock and then becomes the next program: the locks are QEMU's own, from before
        // its first instruction.
        List<string> command = lends ? [.. options.Memory.LockFiles.SelectMany(file =>
            (string[])["flock", "--nonblock", "--no-fork", "--conflict-exit-code", "75", file])] : [];
        command.Add(options.Executable);
        command.AddRange(options.Memory.ToQemuArguments());
        command.AddRange(["-qmp",
            $"unix:{options.MonitorSocket.Replace(",", ",,", StringComparison.Ordinal)},server=on,wait=off"]);
        command.AddRange(options.Arguments);
        command.AddRange(options.CprTransfer ? ["-machine", "aux-ram-share=on"] : []);
        command.AddRange(more);

        // It outlives this process, and must not keep open what that wrote to: who reads our output would wait for the
        // machine's end.
        Process process = Process.Start(new ProcessStartInfo(command[0],
            command.Skip(1)) { RedirectStandardError = true, RedirectStandardInput = true,
                RedirectStandardOutput = true })!;
        process.StandardInput.Close();
        process.EnableRaisingEvents = true;
        return new QemuProcess(options, process);
    }

    /// <summary>Waits for its monitor.</summary>
    /// <exception cref="VirtualMachineException">It ended, or does not listen: with its words. There is no such process
    /// left.</exception>
    public Task<QmpClient> ConnectAsync(CancellationToken cancellationToken) =>
        WhileItLivesAsync(token => QmpClient.ConnectAsync(_options.MonitorSocket, _options.Monitor, token),
            cancellationToken);

    /// <summary>Waits for something that it does, and no longer than it lives.</summary>
    public async Task<T> WhileItLivesAsync<T>(Func<CancellationToken, Task<T>> wait,
        CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Process.Exited += (_, _) => Cancel(ended);
        try
        {
            if (Process.HasExited)
            {
                Cancel(ended);
            }

            return await wait(ended.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or QmpException)
        {
            await KillAsync().ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            string said = (await _words.ConfigureAwait(false)).Trim();
            int code = Process.ExitCode;
            Process.Dispose();
            throw new VirtualMachineException(_options.Name, code == LentExitCode
                ? "a region of its memory is another machine's: somebody has the lock " +
                    $"of {string.Join(" or ", _options.Memory.LockFiles)}. Stop that machine first (lslocks names " +
                    "its process)."
                : $"{_options.Executable} did not start (exit code {code}). It " +
                    $"said: {(said.Length > 0 ? said : "nothing")}", e is QmpException ? e : null);
        }
    }

    /// <summary>Ends it, and waits until it has.</summary>
    public async Task KillAsync()
    {
        Process.Kill();
        await Process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
    }

    private static void Cancel(CancellationTokenSource source)
    {
        try
        {
            source.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The machine ended long after its start.
        }
    }
}
