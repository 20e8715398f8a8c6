using System.Diagnostics;
using System.Globalization;
using GuestMemFs.KernelLab.Guest.Inner;
using GuestMemFs.VirtualMachines;

namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>
/// A counting machine whose memory is a part of a device-dax, which no arena lies on; only what its devices were in is
/// in one. The kernel is replaced, and it counts on.
/// </summary>
internal sealed class MachineOnDevice : Scenario
{
    private const string Device = "/dev/dax1.0";
    // the second range of the command line's; Place makes a filesystem on the first
    private const string Namespace = "namespace1.0";
    private const string Bus = "/sys/bus/nd";
    private const long Offset = 64L << 20;
    private const int StateLength = 4 << 20;
    private const int Numbers = 30; // that the host hears under each kernel
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(4);

    public override void Run(Stage stage) => RunAsync(stage).GetAwaiter().GetResult();

    private static async Task RunAsync(Stage stage)
    {
        using PersistentArena arena = PersistentArena.OpenOrCreate(new ArenaOptions { Directory = Place.Open(stage) });
        arena.OpenOrCreateRegion("state", StateLength).Dispose();
        OpenDevice(stage);
        long length = stage.Arguments.Number("ram") << 20;
        VirtualMachineOptions options = new InnerMachine("counts", length, IsHeard: true).Options(
            GuestMemory.OfDevice(Device, Offset, length));
        VirtualMachine machine;
        if (stage.Number == 0)
        {
            machine = await VirtualMachine.StartAsync(options).ConfigureAwait(false);
            await CheckLentAsync(stage, length).ConfigureAwait(false);
        }
        else
        {
            using MemoryStream state = KeptState.Read(arena, "state");
            machine = await VirtualMachine.RestoreAsync(options, state).ConfigureAwait(false);
            await machine.ResumeAsync().ConfigureAwait(false);
        }

        await using (machine)
        {
            await UntilHeardAsync(stage.Host, Numbers * (stage.Number + 1)).ConfigureAwait(false);
            using var state = new MemoryStream();
            await machine.SaveStateAsync(state).ConfigureAwait(false);
            KeptState.Write(arena, "state", state);
            await machine.QuitAsync().ConfigureAwait(false);
        }

        if (stage.Number == 0)
        {
            stage.LoadNext();
            arena.Dispose();
            Kexec.Enter();
        }
    }

    private static async Task UntilHeardAsync(Host host, int numbers)
    {
        long since = Stopwatch.GetTimestamp();
        while (host.AskNumber("numbers heard") is var heard && heard < numbers)
        {
            Stage.Check(Stopwatch.GetElapsedTime(since) < s_limit, $"the machine told {heard} numbers, not {numbers}");
            await Task.Delay(100).ConfigureAwait(false);
        }
    }

    private static async Task CheckLentAsync(Stage stage, long length)
    {
        try
        {
            await (await VirtualMachine.StartAsync(new InnerMachine("writes", length, IsHeard: false).Options(
                GuestMemory.OfDevice(Device, 0, length))).ConfigureAwait(false)).QuitAsync().ConfigureAwait(false);
        }
        catch (VirtualMachineException e)
        {
            stage.Host.Tell("second refused", e.Message);
        }
    }

    /// <summary>
    /// What <c>ndctl create-namespace --mode=devdax</c> does. It is written on the memory itself: the next kernel finds
    /// it so.
    /// </summary>
    private static void OpenDevice(Stage stage)
    {
        stage.LoadModules("device_dax", "dax_pmem");
        if (stage.Number == 0)
        {
            string seed = File.ReadAllText($"{Bus}/devices/region1/dax_seed").Trim();
            File.WriteAllText($"{Bus}/drivers/nd_pmem/unbind", Namespace);
            File.WriteAllText($"{Bus}/devices/{seed}/mode", "ram");
            File.WriteAllText($"{Bus}/devices/{seed}/align", (2 << 20).ToString(CultureInfo.InvariantCulture));
            File.WriteAllText($"{Bus}/devices/{seed}/uuid", Guid.NewGuid().ToString());
            File.WriteAllText($"{Bus}/devices/{seed}/namespace", Namespace);
            File.WriteAllText($"{Bus}/drivers/dax_pmem/bind", seed);
        }

        Place.WaitFor(Device);
    }
}
