using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using GuestMemFs.Benchmarks.Library;
using GuestMemFs.Support;
using GuestMemFs.VirtualMachines;

namespace GuestMemFs.Benchmarks.Machines;

/// <summary>
/// How long a machine stands still while another QEMU takes its place: with its RAM left where it is, and with its RAM
/// saved to a file and read from it, as without this library. The guest is tests/TinyGuest, which has written all of
/// its RAM and is still writing.
/// </summary>
internal sealed class MachineComparison
{
    private const int Rounds = 5;
    private const int Placed = 0x8008; // how many pages the guest has written; where its memory ends is behind it
    private const int PageLength = 4096;
    private const long MiB = 1 << 20;
    private static readonly long[] s_sizes = [128 * MiB, 512 * MiB, 1024 * MiB];
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);
    private readonly string _folder;
    private readonly string _qemu;
    private readonly PersistentArena _arena;
    private int _machines;

    private MachineComparison(string folder, string qemu)
    {
        _folder = folder;
        _qemu = qemu;
        _arena = PersistentArena.Create(new ArenaOptions { Directory = Path.Combine(folder, "arena") });
    }

    /// <summary>Runs all of it.</summary>
    /// <param name="svg">Where the plot goes; null for none.</param>
    /// <param name="output">Where the table goes.</param>
    public static int Run(string? svg, TextWriter output)
    {
        if ((Environment.GetEnvironmentVariable("GMF_BENCH_QEMU") is { Length: > 0 } named ? named
            : LabCache.NewerQemu) is not { } qemu)
        {
            output.WriteLine("There is no QEMU that knows 'file:' (8.2 or later) " +
                $"in {LabCache.Folder}: {LabCache.Command} --qemu, or name one in GMF_BENCH_QEMU.");
            return 2;
        }

        string folder = Directory.CreateDirectory(Path.Combine(Settings.Parent,
            $"gmf-machines-{Environment.ProcessId}")).FullName;
        try
        {
            using (Process build = Process.Start(TinyGuest(), [folder]))
            {
                build.WaitForExit();
            }

            List<MachineFigures> figures = [];
            foreach (long size in s_sizes)
            {
                figures.Add(new MachineComparison(folder, qemu).MeasureAsync(size).GetAwaiter().GetResult());
                Directory.Delete(Path.Combine(folder, "arena"), recursive: true);
            }

            MachineFigures.Write(figures, output);
            if (svg is not null)
            {
                File.WriteAllText(svg, MachinePlot.Draw(figures));
            }

            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private async Task<MachineFigures> MeasureAsync(long size)
    {
        using PersistentArena arena = _arena;
        List<Replacement> kept = [], filed = [];
        for (int round = 0; round < Rounds; round++)
        {
            kept.Add(await ReplaceAsync(size, KeepAsync).ConfigureAwait(false));
            filed.Add(await ReplaceAsync(size, ThroughFileAsync).ConfigureAwait(false));
        }

        return new MachineFigures(size, kept, filed);
    }

    /// <summary>A machine on fresh memory, filled, replaced one way, and seen to go on.</summary>
    private async Task<Replacement> ReplaceAsync(
        long size, Func<VirtualMachine, long, Task<(VirtualMachine Machine, string Region, Replacement Times)>> way)
    {
        Fresh("one", size);
        VirtualMachine machine = await VirtualMachine.StartAsync(Options("one")).ConfigureAwait(false);
        uint pages = (uint)((size - MiB) / PageLength);
        await WrittenAsync("one", pages).ConfigureAwait(false);
        (machine, string region, Replacement times) = await way(machine, size).ConfigureAwait(false);
        await using (machine.ConfigureAwait(false))
        {
            await WrittenAsync(region, Read(region) + 100).ConfigureAwait(false);
            await machine.QuitAsync().ConfigureAwait(false);
        }

        foreach (string name in _arena.ListRegions().Select(one => one.Name).ToArray())
        {
            _arena.DeleteRegion(name);
        }

        return times;
    }

    /// <summary>Our way.</summary>
    private async Task<(VirtualMachine Machine, string Region, Replacement Times)> KeepAsync(
        VirtualMachine machine, long size)
    {
        var state = new MemoryStream();
        long start = Stopwatch.GetTimestamp();
        await machine.SaveStateAsync(state).ConfigureAwait(false);
        TimeSpan saved = Stopwatch.GetElapsedTime(start);
        await machine.QuitAsync().ConfigureAwait(false);
        await machine.DisposeAsync().ConfigureAwait(false);
        state.Position = 0;
        machine = await VirtualMachine.RestoreAsync(Options("one"), state).ConfigureAwait(false);
        await machine.ResumeAsync().ConfigureAwait(false);
        return (machine, "one", new Replacement(saved, Stopwatch.GetElapsedTime(start), state.Length));
    }

    /// <summary>QEMU's own way: all of the RAM into a file, and from it into fresh memory.</summary>
    private async Task<(VirtualMachine Machine, string Region, Replacement Times)> ThroughFileAsync(
        VirtualMachine machine, long size)
    {
        Fresh("two", size);
        string file = Path.Combine(_folder, "state");
        var uri = new JsonObject { ["uri"] = "file:" + file };
        // 128 MiB/s, if nothing is said
        await machine.Monitor.ExecuteAsync("migrate-set-parameters",
            new JsonObject { ["max-bandwidth"] = 1L << 40 }).ConfigureAwait(false);
        long start = Stopwatch.GetTimestamp();
        await machine.PauseAsync().ConfigureAwait(false);
        await machine.Monitor.ExecuteAsync("migrate", uri.DeepClone().AsObject()).ConfigureAwait(false);
        await CompletedAsync(machine).ConfigureAwait(false);
        TimeSpan saved = Stopwatch.GetElapsedTime(start);
        await machine.QuitAsync().ConfigureAwait(false);
        await machine.DisposeAsync().ConfigureAwait(false);
        VirtualMachineOptions options = Options("two");
        machine = await VirtualMachine.StartAsync(
            options with { Arguments = [.. options.Arguments, "-incoming", "defer"] }).ConfigureAwait(false);
        await machine.Monitor.ExecuteAsync("migrate-incoming", uri).ConfigureAwait(false);
        await CompletedAsync(machine).ConfigureAwait(false);
        await machine.ResumeAsync().ConfigureAwait(false);
        TimeSpan pause = Stopwatch.GetElapsedTime(start);
        long length = new FileInfo(file).Length;
        File.Delete(file);
        return (machine, "two", new Replacement(saved, pause, length));
    }

    private static async Task CompletedAsync(VirtualMachine machine)
    {
        using var limit = new CancellationTokenSource(s_limit);
        while (true)
        {
            JsonElement migration = await machine.Monitor.ExecuteAsync("query-migrate",
                cancellationToken: limit.Token).ConfigureAwait(false);
            switch (migration.TryGetProperty("status", out JsonElement status) ? status.GetString() : null)
            {
                case "completed":
                    return;
                case "failed":
                    throw new InvalidOperationException($"QEMU: {migration}");
                default:
                    await Task.Delay(1, limit.Token).ConfigureAwait(false);
                    break;
            }
        }
    }

    private void Fresh(string region, long size) =>
        _arena.CreateRegion(region, size, new RegionOptions { Kind = RegionKind.GuestRam }).Dispose();

    private async Task WrittenAsync(string region, uint pages)
    {
        using var limit = new CancellationTokenSource(s_limit);
        while (Read(region) < pages)
        {
            await Task.Delay(5, limit.Token).ConfigureAwait(false);
        }
    }

    private uint Read(string name)
    {
        using PersistentRegion region = _arena.OpenRegion(name, RegionKind.GuestRam);
        return MemoryMarshal.Read<uint>(region.AsSpan(Placed, sizeof(uint)));
    }

    private VirtualMachineOptions Options(string region) => new()
    {
        Name = region,
        Memory = GuestMemory.Of(_arena, region),
        MonitorSocket = Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"{_machines++}.qmp")),
        Executable = _qemu,
        Arguments = ["-machine", "pc,usb=off,hpet=off,graphics=off", "-accel", "tcg", "-cpu", "qemu64", "-nodefaults",
            "-no-user-config", "-display", "none",
            "-drive", $"file={Path.Combine(_folder, "fills")},format=raw,if=floppy,readonly=on", "-serial", "null"],
    };

    private static string TinyGuest([System.Runtime.CompilerServices.CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "..", "tests", "TinyGuest", "build"));
}
