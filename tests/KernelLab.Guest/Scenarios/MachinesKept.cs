using GuestMemFs.KernelLab.Guest.Inner;
using GuestMemFs.VirtualMachines;

namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>
/// Two machines on one arena, by the library alone: one counts and tells the host each number, one writes all of its
/// memory (<c>lab.ram</c> MiB) again and again. They are saved, the kernel is replaced, and they go on.
/// </summary>
internal sealed class MachinesKept : Scenario
{
    private const int StateLength = 4 << 20;
    private const int Numbers = 25;
    private const uint MorePages = 500;

    public override void Run(Stage stage)
    {
        long ram = stage.Arguments.Number("ram") << 20;
        InnerMachine[] machines = [new("counts", ram, IsHeard: true), new("writes", ram, IsHeard: false)];
        using PersistentArena arena = PersistentArena.OpenOrCreate(new ArenaOptions { Directory = Place.Open(stage) });
        foreach (InnerMachine machine in machines)
        {
            arena.OpenOrCreateRegion(machine.Name, machine.Length, new RegionOptions { Kind = RegionKind.GuestRam })
                .Dispose();
            arena.OpenOrCreateRegion(StateOf(machine), StateLength).Dispose();
        }

        using var counts = new InnerMemory(arena, "counts");
        using var writes = new InnerMemory(arena, "writes");
        if (stage.Number == 0)
        {
            SaveAsync(stage, arena, machines, counts, writes).GetAwaiter().GetResult();
            arena.Dispose();
            stage.Host.Tell("entering", "");
            Kexec.Enter();
        }

        GoOnAsync(stage, arena, machines, counts, writes).GetAwaiter().GetResult();
    }

    private static async Task SaveAsync(
        Stage stage, PersistentArena arena, InnerMachine[] machines, InnerMemory counts, InnerMemory writes)
    {
        var running = new List<VirtualMachine>();
        foreach (InnerMachine machine in machines)
        {
            running.Add(await VirtualMachine.StartAsync(machine.Options(arena)).ConfigureAwait(false));
        }

        counts.WaitUntil("counting", memory => memory.Counted >= Numbers);
        writes.WaitUntil("having written all twice", memory => memory.Times >= 2);
        stage.LoadNext();
        stage.Host.Tell("saving", "");
        foreach ((VirtualMachine machine, InnerMachine inner) in running.Zip(machines))
        {
            var state = new MemoryStream();
            await machine.SaveStateAsync(state).ConfigureAwait(false);
            KeptState.Write(arena, StateOf(inner), state);
            await machine.QuitAsync().ConfigureAwait(false);
        }

        stage.Host.Tell("counted", $"{counts.Counted}");
        stage.Host.Tell("written", $"{writes.Written}");
    }

    private static async Task GoOnAsync(
        Stage stage, PersistentArena arena, InnerMachine[] machines, InnerMemory counts, InnerMemory writes)
    {
        stage.Host.Tell("restoring", "");
        var running = new List<VirtualMachine>();
        foreach (InnerMachine inner in machines)
        {
            running.Add(await VirtualMachine.RestoreAsync(inner.Options(arena),
                KeptState.Read(arena, StateOf(inner))).ConfigureAwait(false));
        }

        // Not one instruction has run: who goes on must do so from here.
        long counted = stage.Host.AskNumber("counted"), written = stage.Host.AskNumber("written");
        Stage.Check(counts.Counted == counted, $"{counted} was counted last, {counts.Counted} is there");
        Stage.Check(writes.Written == written, $"{written} pages were written, {writes.Written} are there");
        foreach (VirtualMachine machine in running)
        {
            await machine.ResumeAsync().ConfigureAwait(false);
        }

        stage.Host.Tell("resumed", "");
        counts.WaitUntil("counting on", memory => memory.Counted >= counted + Numbers);
        writes.WaitUntil("writing on", memory => memory.Written >= written + MorePages);
        foreach (VirtualMachine machine in running)
        {
            await machine.PauseAsync().ConfigureAwait(false);
        }

        stage.Host.Tell("pattern right after pages", $"{writes.CheckPattern() - written}");
        foreach (VirtualMachine machine in running)
        {
            await machine.QuitAsync().ConfigureAwait(false);
        }
    }

    private static string StateOf(InnerMachine machine) => $"state of {machine.Name}";
}
