using GuestMemFs.KernelLab.Guest.Inner;
using GuestMemFs.VirtualMachines;

namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>
/// One machine of <c>lab.ram</c> MiB that has written all of its memory goes over <c>lab.kexecs</c> kexecs, and the
/// host hears how long it stood still each time. What is told is for taking the kernel's own boot out of that: when the
/// kernel was about to be entered, and when the machine was about to be restored.
/// </summary>
internal sealed class MachinePaused : Scenario
{
    private const int StateLength = 4 << 20;
    private static readonly TimeSpan s_running = TimeSpan.FromSeconds(2);

    public override void Run(Stage stage)
    {
        var inner = new InnerMachine("writes", stage.Arguments.Number("ram") << 20, IsHeard: true);
        using PersistentArena arena = PersistentArena.OpenOrCreate(new ArenaOptions { Directory = Place.Open(stage) });
        arena.OpenOrCreateRegion(inner.Name, inner.Length, new RegionOptions { Kind = RegionKind.GuestRam }).Dispose();
        arena.OpenOrCreateRegion("state", StateLength).Dispose();
        using var memory = new InnerMemory(arena, inner.Name);
        RunAsync(stage, arena, inner, memory).GetAwaiter().GetResult();
        if (stage.Number == stage.Arguments.Number("kexecs"))
        {
            return;
        }

        arena.Dispose();
        stage.Host.Tell("entering", $"{stage.Number}");
        Kexec.Enter();
    }

    private static async Task RunAsync(Stage stage, PersistentArena arena, InnerMachine inner, InnerMemory memory)
    {
        VirtualMachine machine;
        if (stage.Number == 0)
        {
            machine = await VirtualMachine.StartAsync(inner.Options(arena)).ConfigureAwait(false);
            memory.WaitUntil("having written all of it", one => one.Times >= 1);
        }
        else
        {
            stage.Host.Tell("restoring", $"{stage.Number}");
            using MemoryStream state = KeptState.Read(arena, "state");
            machine = await VirtualMachine.RestoreAsync(inner.Options(arena), state).ConfigureAwait(false);
            await machine.ResumeAsync().ConfigureAwait(false);
        }

        await using (machine)
        {
            await Task.Delay(s_running).ConfigureAwait(false);
            if (stage.Number == stage.Arguments.Number("kexecs"))
            {
                await machine.PauseAsync().ConfigureAwait(false);
                stage.Host.Tell("pattern right at page", $"{memory.CheckPattern()}");
            }
            else
            {
                stage.LoadNext();
                stage.Host.Tell("saving", $"{stage.Number}");
                using var state = new MemoryStream();
                await machine.SaveStateAsync(state).ConfigureAwait(false);
                KeptState.Write(arena, "state", state);
            }

            await machine.QuitAsync().ConfigureAwait(false);
        }
    }
}
