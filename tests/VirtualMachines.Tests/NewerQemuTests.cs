namespace GuestMemFs.VirtualMachines.Tests;

/// <summary>QEMU 10, which the kernel lab fetches.</summary>
public sealed class NewerQemuTests() : MachineTests(LabCache.NewerQemu,
    $"no QEMU 10 in {LabCache.Folder}: {LabCache.Command} --qemu (Debian 12)")
{
    private protected override bool KnowsModes => true;

    [Fact]
    public async Task A_machine_is_handed_over_to_another_process_twice_and_its_RAM_is_lent_all_the_while()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        using PersistentRegion ram = Arena.OpenRegion("vm");
        VirtualMachine machine = await VirtualMachine.StartAsync(Options("one") with { CprTransfer = true },
            cancellation);
        await CountsAsync(ram, from: 0);
        foreach (string next in (string[])["two", "three"])
        {
            int before = machine.ProcessId;
            uint counted = Guest.Read(ram.AsSpan(Guest.CounterAt, sizeof(uint)));
            (machine, TimeSpan pause) = await machine.ReplaceAsync(Options(next) with { CprTransfer = true },
                Stream.Null, cancellation);
            Assert.NotEqual(before, machine.ProcessId);
            Assert.False(Directory.Exists($"/proc/{before}"));
            TestContext.Current.SendDiagnosticMessage($"the guest stood still for {pause.TotalMilliseconds:F0} ms");
            uint resumed = Guest.Read(ram.AsSpan(Guest.CounterAt, sizeof(uint)));
            Assert.InRange(resumed, counted, uint.MaxValue); // it did not begin anew
            await CountsAsync(ram, resumed);
            // not the one that took the lock first
            Assert.Equal(machine.ProcessId,
                Assert.Throws<RegionLentException>(() => ram.Grow(2 * ram.Length)).HolderProcessId);
            await Assert.ThrowsAsync<VirtualMachineException>(() =>
                VirtualMachine.StartAsync(Options("thief"), cancellation));
        }

        await machine.Monitor.ReconnectAsync(cancellation);
        Assert.Throws<RegionLentException>(() => ram.Grow(2 * ram.Length)); // the monitor's client is not what holds it
        await machine.QuitAsync(cancellation);
        await machine.DisposeAsync();
        ram.Dispose();
        Arena.DeleteRegion("vm");
    }

    [Fact]
    public async Task A_machine_runs_on_where_the_other_process_does_not_take_it()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        using PersistentRegion ram = Arena.OpenRegion("vm");
        await using VirtualMachine machine = await VirtualMachine.StartAsync(Options("one") with { CprTransfer = true },
            cancellation);
        await CountsAsync(ram, from: 0);
        VirtualMachineOptions two = Options("two") with { CprTransfer = true };

        // It does not start; it starts, but has a device more than what it is handed.
        await Assert.ThrowsAsync<VirtualMachineException>(() =>
            machine.ReplaceAsync(two with { Arguments = [.. two.Arguments, "-device", "no-such-device"] }, Stream.Null,
                cancellation));
        await CountsAsync(ram, Guest.Read(ram.AsSpan(Guest.CounterAt, sizeof(uint))));
        VirtualMachineException other = await Assert.ThrowsAsync<VirtualMachineException>(() =>
            machine.ReplaceAsync(two with { Arguments = [.. two.Arguments, "-machine", "q35"] }, Stream.Null,
                cancellation));
        await CountsAsync(ram, Guest.Read(ram.AsSpan(Guest.CounterAt, sizeof(uint))));
        Assert.Equal("running", await machine.GetStatusAsync(cancellation));
        Assert.NotEmpty(other.Message);

        (VirtualMachine next, _) = await machine.ReplaceAsync(two, Stream.Null, cancellation);
        await using (next)
        {
            await CountsAsync(ram, Guest.Read(ram.AsSpan(Guest.CounterAt, sizeof(uint))));
            await next.QuitAsync(cancellation);
        }
    }
}
