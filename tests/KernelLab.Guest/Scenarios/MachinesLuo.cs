using System.Diagnostics;
using System.Text.Json.Nodes;
using GuestMemFs.KernelLab.Guest.Inner;
using GuestMemFs.Holding;
using GuestMemFs.VirtualMachines;
using KvStore.Demo;

namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>
/// A live update on a kernel with nothing set aside for it: two machines, the plan itself, and KvStore beside them on
/// memfds that <c>gmfs hold</c> has and the kernel itself keeps. QEMU opens its memory through /proc.
/// </summary>
internal sealed class MachinesLuo : Scenario
{
    private const string Socket = "/run/hold.sock";
    private const string Machines = "machines";
    private const string Keys = "kvstore";
    private const int Numbers = 25;
    private const uint MorePages = 500;
    private static readonly string[] s_there = ["--holder", Socket, "--name", Machines];

    public override void Run(Stage stage)
    {
        using Process holder = Gmfs.Hold(Socket);
        long ram = stage.Arguments.Number("ram") << 20;
        InnerMachine[] machines = [new("counts", ram, IsHeard: true), new("writes", ram, IsHeard: false)];
        if (stage.Number > 0)
        {
            Gmfs.Run(0, "luo", "restore", "--holder", Socket);
            UpdatePlan.PutBack(stage);
        }

        using var store = Store.Start(stage, "/tmp/none", "--arena", "", "--holder", Socket, "--name", Keys,
            "--live-update-socket", UpdatePlan.KvStoreSocket);
        store.TellAttach();
        if (stage.Number == 0)
        {
            store.Load();
            RunIntoNextKernel(stage, machines);
        }

        stage.Host.Tell("resume", Gmfs.Run(0, ["live-update", "resume", .. s_there, "--json"]));
        using Medium medium = Open();
        using PersistentArena arena = Look(medium);
        using var counts = new InnerMemory(arena, "counts");
        using var writes = new InnerMemory(arena, "writes");
        uint counted = counts.Counted, written = writes.Written;
        counts.WaitUntil("counting on", memory => memory.Counted >= counted + Numbers);
        writes.WaitUntil("writing on", memory => memory.Written >= written + MorePages);
        foreach (InnerMachine machine in machines)
        {
            EndAsync(machine, arena, writes, stage).GetAwaiter().GetResult();
        }

        store.Verify(new Overwriter(store.Data));
        store.Stop();
        holder.Kill();
    }

    private static void RunIntoNextKernel(Stage stage, InnerMachine[] machines)
    {
        Gmfs.Run(0, ["create", .. s_there]);
        foreach (InnerMachine machine in machines)
        {
            Gmfs.Run(0, ["create", machine.Name, $"{machine.Length}", "--kind", "guest-ram", .. s_there]);
        }

        string plan = UpdatePlan.Write(stage, machines, plan =>
        {
            plan["arena"] = Machines;
            plan["holder"] = Socket;
            plan["kernel"]!["image"] = "/boot/7.2/vmlinuz";
            plan["services"]![0]!["name"] = "kvstore-process";
            plan["kept"] = new JsonArray(new JsonObject { ["name"] = Keys, ["holder"] = Socket });
        });
        foreach (InnerMachine machine in machines)
        {
            Gmfs.Run(0, "live-update", "start", plan, machine.Name);
        }

        using (Medium medium = Open())
        using (PersistentArena arena = Look(medium))
        using (var counts = new InnerMemory(arena, "counts"))
        using (var writes = new InnerMemory(arena, "writes"))
        {
            stage.Host.Tell("medium", medium.Name);
            counts.WaitUntil("counting", memory => memory.Counted >= Numbers);
            writes.WaitUntil("having written all twice", memory => memory.Times >= 2);
        }

        stage.Host.Tell("running", "");
        // It does not end, the kernel does.
        using Process run = Gmfs.Start(stage.Host, "step", "live-update", "run", UpdatePlan.Keep(stage, plan));
        run.WaitForExit();
        throw new ScenarioException($"gmfs live-update run ended with {run.ExitCode}");
    }

    private static async Task EndAsync(InnerMachine inner, PersistentArena arena, InnerMemory writes, Stage stage)
    {
        await using VirtualMachine machine = await VirtualMachine.ConnectAsync(inner.Options(arena)).ConfigureAwait(
            false);
        await machine.PauseAsync().ConfigureAwait(false);
        if (!inner.IsHeard)
        {
            stage.Host.Tell("pattern right at page", $"{writes.CheckPattern()}");
        }

        await machine.QuitAsync().ConfigureAwait(false);
    }

    private static Medium Open() => Medium.FromHolder(Holders.Open(Socket, Machines));

    private static PersistentArena Look(Medium medium) =>
        PersistentArena.Open(new ArenaOptions { Medium = medium, Access = ArenaAccess.ReadOnly });
}
