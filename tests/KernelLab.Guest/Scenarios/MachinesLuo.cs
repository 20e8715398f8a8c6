using System.Diagnostics.CodeAnalysis;
using GuestMemFs.LiveUpdate;
using GuestMemFs.LiveUpdate.Holding;
using GuestMemFs.LiveUpdate.Kept;
using KvStore.Demo;

namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>The same machines with their memory on memfds, which QEMU opens through /proc and the kernel itself keeps, and beside them KvStore on memory of the same holder.</summary>
internal sealed class MachinesLuo : MachinesKept
{
    private const string Socket = "/run/hold.sock";
    private const string Machines = "machines";
    private const string Keys = "kvstore";
    private HoldServer? _holder;
    private Store? _store;

    protected override PersistentArena Open(Stage stage)
    {
        _holder = HoldServer.Start(Socket);
        if (stage.Number > 0)
        {
            using var kept = new KeptArenas(Socket);
            foreach (KeptOutcome outcome in kept.Restore([], File.ReadAllText("/proc/cmdline")))
            {
                Stage.Check(outcome.Lost is null, $"{outcome.Lost}");
            }
        }

        _store = Store.Start(stage, "/tmp/none", "--arena", "", "--holder", Socket, "--name", Keys);
        _store.TellAttach();
        if (stage.Number == 0)
        {
            _store.Load();
        }
        else
        {
            _store.Verify(new Overwriter(_store.Data));
            _store.Dispose();
        }

        var arena = PersistentArena.OpenOrCreate(new ArenaOptions { Medium = Medium.FromHolder(Holders.Open(Socket, Machines)) });
        stage.Host.Tell("medium", arena.Medium.Name);
        return arena;
    }

    [DoesNotReturn]
    protected override void Enter(Stage stage)
    {
        _store!.Stop();
        using var kept = new KeptArenas(Socket);
        kept.Enter([Machines, Keys], new KernelSettings
        {
            Image = "/boot/7.2/vmlinuz",
            Initrd = "/boot/initrd",
            CommandLine = stage.Arguments.ForStage(stage.Number + 1, word => word),
            Entry = KernelEntry.Direct,
        });
        throw new ScenarioException("the kernel was not entered");
    }
}
