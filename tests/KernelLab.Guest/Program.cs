using GuestMemFs.KernelLab.Guest;
using GuestMemFs.KernelLab.Guest.Inner;
using GuestMemFs.KernelLab.Guest.Scenarios;

// The program of the lab's machines: runs the stage that the kernel's command line names, and tells the host how it
// went.
if (args is [KilledOrchestrator.Word, .. string[] orchestrate])
{
    return await KilledOrchestrator.RunAsync(orchestrate).ConfigureAwait(false);
}

using var host = new Host();
try
{
    var stage = new Stage(host, CommandLine.Current);
    host.Tell("stage", $"{stage.Number} {stage.Release} {stage.BootId}");
    string name = stage.Arguments.Get("scenario");
    Scenario scenario = name switch
    {
        "kvstore-stopped" => new KvStoreStopped(),
        "kvstore-killed" => new KvStoreKilled(),
        "kvstore-gone" => new KvStoreGone(),
        "arena-frozen" => new ArenaFrozen(),
        "arena-life" => new ArenaLife(),
        "live-updated" => new LiveUpdated(),
        "live-updates-killed" => new LiveUpdatesKilled(),
        "luo-bytes" => new LuoBytes(),
        "luo-kvstore" => new KvStoreLuo(),
        "machine-on-device" => new MachineOnDevice(),
        "machine-paused" => new MachinePaused(),
        "machines-kept" => new MachinesKept(),
        "machines-luo" => new MachinesLuo(),
        "restart-times" => new RestartTimes(),
        "module-checks" => new ModuleChecks(),
        "module-kept" => new ModuleKept(),
        "module-crash" => new ModuleCrash(),
        "module-dma" => new ModuleDma(),
        "kernel-complains" => new KernelComplains(),
        "module-variants" => new ModuleVariants(),
        "module-points" => new ModulePoints(),
        "module-misplaced" => new ModuleMisplaced(),
        "systemd-kexec" => new SystemdKexec(),
        "systemd-plan" => new SystemdPlan(),
        "systemd-restarts" => new SystemdRestarts(),
        _ => throw new ScenarioException($"there is no scenario '{name}'"),
    };
    scenario.Run(stage);
    host.Tell("done", name);
    return 0;
}
catch (Exception e)
{
    host.Tell("failed", e is ScenarioException ? e.Message : e.ToString());
    return 1;
}
finally
{
    Thread.Sleep(200); // The serial line sends what it has before the power goes off.
}
