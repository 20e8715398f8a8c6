using System.Diagnostics.CodeAnalysis;
using GuestMemFs.LiveUpdate;
using GuestMemFs.LiveUpdate.Holding;
using GuestMemFs.LiveUpdate.Kept;

namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>The same machines with their memory on memfds, which QEMU opens through /proc and the kernel itself keeps.</summary>
internal sealed class MachinesLuo : MachinesKept
{
    private const string Socket = "/run/hold.sock";
    private const string Store = "machines";
    private HoldServer? _holder;

    protected override PersistentArena Open(Stage stage)
    {
        _holder = HoldServer.Start(Socket);
        if (stage.Number > 0)
        {
            using var kept = new KeptArenas(Socket);
            KeptOutcome outcome = kept.Restore([], File.ReadAllText("/proc/cmdline")).Single();
            Stage.Check(outcome.Lost is null, $"{outcome.Lost}");
        }

        var arena = PersistentArena.OpenOrCreate(new ArenaOptions { Medium = Medium.FromHolder(Holders.Open(Socket, Store)) });
        stage.Host.Tell("medium", arena.Medium.Name);
        return arena;
    }

    [DoesNotReturn]
    protected override void Enter(Stage stage)
    {
        using var kept = new KeptArenas(Socket);
        kept.Enter([Store], new KernelSettings
        {
            Image = "/boot/7.2/vmlinuz",
            Initrd = "/boot/initrd",
            CommandLine = stage.Arguments.ForStage(stage.Number + 1, word => word),
            Entry = KernelEntry.Direct,
        });
        throw new ScenarioException("the kernel was not entered");
    }
}
