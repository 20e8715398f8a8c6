using System.Text.Json;
using System.Text.Json.Nodes;

namespace GuestMemFs.VirtualMachines.Tests;

/// <summary>A real QEMU, emulating: its RAM is the region, and outlives its process.</summary>
public abstract class MachineTests : IDisposable
{
    private const long RamLength = 64L << 20;
    private readonly TestFolder _folder;
    private readonly PersistentArena _arena;
    private readonly string _qemu;

    private protected MachineTests(string? qemu, string otherwise)
    {
        Assert.SkipUnless(qemu is not null, otherwise);
        _qemu = qemu;
        _folder = new TestFolder();
        _arena = PersistentArena.Create(new ArenaOptions { Directory = _folder.Path });
        _arena.CreateRegion("vm", RamLength, new RegionOptions { Kind = RegionKind.GuestRam }).Dispose();
        Guest.WriteDisk(_folder["disk"]);
    }

    private protected PersistentArena Arena => _arena;

    /// <summary>True where this QEMU is one that knows <c>cpr-reboot</c> for certain.</summary>
    private protected virtual bool KnowsModes => false;

    public void Dispose()
    {
        _arena.Dispose();
        _folder.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_machine_goes_on_in_another_process_on_the_RAM_where_it_lies()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        using PersistentRegion ram = _arena.OpenRegion("vm");
        var state = new MemoryStream();
        uint stopped;
        await using (VirtualMachine machine = await VirtualMachine.StartAsync(Options("one"), cancellation))
        {
            await CountsAsync(ram, from: 0);
            Assert.Equal(Guest.Mark, Guest.Read(ram.AsSpan(Guest.MarkAt, sizeof(uint))));
            long saved = await machine.SaveStateAsync(state, cancellation);
            Assert.Equal(state.Length, saved);
            Assert.InRange(saved, 1, 4 << 20); // devices, not RAM
            Assert.Equal("postmigrate", await machine.GetStatusAsync(cancellation));
            JsonElement parameters = await machine.Monitor.ExecuteAsync("query-migrate-parameters",
                cancellationToken: cancellation);
            Assert.True(parameters.TryGetProperty("mode", out JsonElement mode) ? mode.GetString() == "cpr-reboot"
                : !KnowsModes);
            stopped = Guest.Read(ram.AsSpan(Guest.CounterAt, sizeof(uint)));
            await machine.QuitAsync(cancellation);
        }

        state.Position = 0;
        await using (VirtualMachine machine = await VirtualMachine.RestoreAsync(Options("two"), state, cancellation))
        {
            Assert.Equal("paused", await machine.GetStatusAsync(cancellation));
            await Task.Delay(300, cancellation);
            Assert.Equal(stopped, Guest.Read(ram.AsSpan(Guest.CounterAt, sizeof(uint)))); // not one instruction yet
            await machine.ResumeAsync(cancellation);
            uint resumed = Guest.Read(ram.AsSpan(Guest.CounterAt, sizeof(uint)));
            Assert.InRange(resumed, stopped, uint.MaxValue); // it did not begin anew
            await CountsAsync(ram, resumed);
            await machine.QuitAsync(cancellation);
        }
    }

    [Fact]
    public async Task Another_process_takes_a_running_machines_place_and_the_guest_goes_on()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        using PersistentRegion ram = _arena.OpenRegion("vm");
        VirtualMachine machine = await VirtualMachine.StartAsync(Options("one"), cancellation);
        int first = machine.ProcessId;
        await CountsAsync(ram, from: 0);
        var state = new MemoryStream();
        (machine, TimeSpan pause) = await machine.ReplaceAsync(Options("two"), state, cancellation);
        uint counted = Guest.Read(ram.AsSpan(Guest.CounterAt, sizeof(uint)));
        await using (machine)
        {
            Assert.NotEqual(first, machine.ProcessId);
            Assert.Equal("running", await machine.GetStatusAsync(cancellation));
            Assert.InRange(pause.TotalSeconds, 0.001, 30);
            TestContext.Current.SendDiagnosticMessage($"the guest stood still for {pause.TotalMilliseconds:F0} ms");
            await CountsAsync(ram, counted);
            await machine.QuitAsync(cancellation);
        }
    }

    [Fact]
    public async Task The_RAM_is_lent_to_the_process_and_a_second_machine_a_deletion_and_growth_are_refused()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        await using (VirtualMachine machine = await VirtualMachine.StartAsync(Options("one"), cancellation))
        {
            VirtualMachineException second = await Assert.ThrowsAsync<VirtualMachineException>(() =>
                VirtualMachine.StartAsync(Options("two"), cancellation));
            Assert.Contains("another machine's", second.Message, StringComparison.Ordinal);
            RegionLentException lent = Assert.Throws<RegionLentException>(() => _arena.DeleteRegion("vm"));
            Assert.Equal(machine.ProcessId, lent.HolderProcessId);
            using (PersistentRegion ram = _arena.OpenRegion("vm"))
            {
                Assert.Throws<RegionLentException>(() => ram.Grow(2 * RamLength));
            }

            Assert.Equal("running", await machine.GetStatusAsync(cancellation));
            await machine.QuitAsync(cancellation);
        }

        _arena.DeleteRegion("vm");
    }

    [Fact]
    public async Task A_state_that_cannot_be_written_leaves_the_machine_running_and_names_the_cause()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        using PersistentRegion ram = _arena.OpenRegion("vm");
        await using VirtualMachine machine = await VirtualMachine.StartAsync(Options("one"), cancellation);
        VirtualMachineException failed = await Assert.ThrowsAsync<VirtualMachineException>(() =>
            machine.SaveStateAsync(new FullStream(), cancellation));
        Assert.Contains("no room here", failed.Message, StringComparison.Ordinal);
        await CountsAsync(ram, Guest.Read(ram.AsSpan(Guest.CounterAt, sizeof(uint))));

        // And the next try succeeds.
        var state = new MemoryStream();
        Assert.InRange(await machine.SaveStateAsync(state, cancellation), 1, long.MaxValue);
        await machine.QuitAsync(cancellation);
    }

    [Fact]
    public async Task A_device_that_cannot_be_saved_is_named_and_the_machine_runs_on()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        using PersistentRegion ram = _arena.OpenRegion("vm");
        VirtualMachineOptions options = Options("one");
        await using VirtualMachine machine = await VirtualMachine.StartAsync(
            options with { Arguments = [.. options.Arguments, "-device", "ivshmem-plain,memdev=shared,master=off",
                "-object", "memory-backend-ram,id=shared,size=1M,share=on"] }, cancellation);
        VirtualMachineException refused = await Assert.ThrowsAsync<VirtualMachineException>(() =>
            machine.SaveStateAsync(new MemoryStream(), cancellation));
        Assert.Contains("ivshmem", refused.Message, StringComparison.Ordinal);
        await CountsAsync(ram, Guest.Read(ram.AsSpan(Guest.CounterAt, sizeof(uint))));
        await machine.QuitAsync(cancellation);
    }

    [Fact]
    public async Task A_state_of_something_else_is_refused_and_no_process_is_left()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        VirtualMachineException refused = await Assert.ThrowsAsync<VirtualMachineException>(() =>
            VirtualMachine.RestoreAsync(Options("one"), new MemoryStream(new byte[100_000]), cancellation));
        Assert.Contains("restoring its state failed", refused.Message, StringComparison.Ordinal);
        _arena.DeleteRegion("vm"); // the loan ended with the process
    }

    [Fact]
    public async Task What_QEMU_says_when_it_does_not_start_is_told()
    {
        VirtualMachineException refused = await Assert.ThrowsAsync<VirtualMachineException>(
            () => VirtualMachine.StartAsync(Options("one") with { Arguments = ["-device", "no-such-device"] },
                TestContext.Current.CancellationToken));
        Assert.Contains("no-such-device", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_machine_that_outlives_who_started_it_holds_none_of_its_streams()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        await using VirtualMachine machine = await VirtualMachine.StartAsync(Options("one"), cancellation);
        for (int stream = 0; stream < 3; stream++)
        {
            Assert.NotEqual(new FileInfo($"/proc/self/fd/{stream}").LinkTarget,
                new FileInfo($"/proc/{machine.ProcessId}/fd/{stream}").LinkTarget);
        }

        await machine.QuitAsync(cancellation);
    }

    [Fact]
    public async Task Descriptors_arrive_by_name_and_in_sets()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        await using VirtualMachine machine = await VirtualMachine.StartAsync(Options("one"), cancellation);
        using Microsoft.Win32.SafeHandles.SafeFileHandle disk = File.OpenHandle(_folder["disk"]);
        await machine.Monitor.PassDescriptorAsync("mine", disk, cancellation);
        await machine.Monitor.ExecuteAsync("closefd", new JsonObject { ["fdname"] = "mine" },
            cancellationToken: cancellation);
        await Assert.ThrowsAsync<QmpCommandException>(() =>
            machine.Monitor.ExecuteAsync("closefd", new JsonObject { ["fdname"] = "mine" },
                cancellationToken: cancellation));
        string path = await machine.Monitor.AddDescriptorAsync(disk, cancellation);
        Assert.StartsWith("/dev/fdset/", path, StringComparison.Ordinal);
        var added = new JsonObject { ["driver"] = "file", ["node-name"] = "passed", ["filename"] = path,
            ["read-only"] = true };
        await machine.Monitor.ExecuteAsync("blockdev-add", added, cancellationToken: cancellation);
        await machine.QuitAsync(cancellation);
    }

    private protected VirtualMachineOptions Options(string name) => new()
    {
        Name = name,
        Memory = GuestMemory.Of(_arena, "vm"),
        MonitorSocket = _folder[name],
        Executable = _qemu,
        Arguments = ["-machine", "pc,usb=off,graphics=off", "-accel", "tcg", "-cpu", "qemu64", "-nodefaults",
            "-no-user-config", "-display", "none",
            "-drive", $"file={_folder["disk"]},format=raw,if=ide,snapshot=on"],
    };

    private protected static async Task CountsAsync(PersistentRegion ram, uint from)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (Guest.Read(ram.AsSpan(Guest.CounterAt, sizeof(uint))) < from + 3)
        {
            await Task.Delay(20, limit.Token);
        }
    }

    private sealed class FullStream : MemoryStream
    {
        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer,
            CancellationToken cancellationToken = default) => throw new IOException("no room here");
    }
}
