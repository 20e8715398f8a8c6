using System.CommandLine;
using System.Globalization;
using GuestMemFs.Cli.Calls;
using GuestMemFs.Cli.Reports;
using GuestMemFs.Cli.Terminal;
using GuestMemFs.Holding;
using GuestMemFs.LiveUpdate;

namespace GuestMemFs.Cli.Commands;

/// <summary>
/// <c>gmfs luo</c>: arenas whose memory <c>gmfs hold</c> has go over a kexec by the kernel's own Live Update
/// Orchestrator.
/// </summary>
internal sealed class LuoCommand
{
    private readonly Argument<string[]> _names = new(
        "name") { Description = "Names of arenas at the holder, as KvStore's --name.", HelpName = "NAME" };
    private readonly Option<string> _kernel = new("--kernel") { Description = "The next kernel.", HelpName = "FILE",
        Required = true };
    private readonly Option<string?> _initrd = new("--initrd") { Description = "Its initial RAM disk.",
        HelpName = "FILE" };
    private readonly Option<string?> _commandLine = new(
        "--command-line") { Description = "Its command line, in place of the running kernel's.", HelpName = "WORDS" };

    public static Command Create(Globals globals) => new LuoCommand().Make(globals);

    private Command Make(Globals globals) => new("luo",
        "Take arenas whose memory gmfs hold has over a kexec, by the kernel's own Live Update Orchestrator " +
        "(Linux 6.19).")
    {
        globals.Runs(new Command("check", "Look for everything by which memory would be lost. Nothing " +
            "is changed.") { _names, _kernel, _initrd, _commandLine }, Check),
        globals.Runs(new Command("kexec", "Freeze the arenas, have the kernel keep them, and enter the next one at " +
            "once: nothing is stopped or unmounted first.") { _names, _kernel, _initrd, _commandLine }, Kexec),
        globals.Runs(new Command("restore", "Under the next kernel: get the arenas back and give them to the holder; " +
            "without names, those that this kernel was told were kept.") { _names }, Restore),
    };

    private LiveUpdateCheckReport Check(Invocation call)
    {
        using KeptArenas keeper = Keeper(call);
        return new(Holder(call), true, Kexec(call, keeper).Check(call.Value(_names)!, Next(call)));
    }

    private DoneReport Kexec(Invocation call)
    {
        string[] names = call.Value(_names)!;
        if (names.Length == 0)
        {
            throw new GmfsException(ExitCode.Usage, "Name the arenas to keep: what is not named is lost.");
        }

        using KeptArenas keeper = Keeper(call);
        Kexec(call, keeper).Enter(names, Next(call));
        return new DoneReport("kexec", Holder(call), "The next kernel is being entered.");
    }

    private DoneReport Restore(Invocation call)
    {
        using KeptArenas keeper = Keeper(call);
        IReadOnlyList<KeptOutcome> outcomes = keeper.Restore(call.Value(_names)!, File.ReadAllText("/proc/cmdline"));
        string[] lost = [.. outcomes.Where(one => one.Lost is not null).Select(one =>
            $"{one.Store} is lost. {one.Lost}")];
        if (lost.Length > 0)
        {
            throw new GmfsException(ExitCode.NotFound, string.Join(" ", lost));
        }

        return new DoneReport("restore", Holder(call), outcomes.Count == 0
            ? "Nothing says that an arena was kept over the last kexec."
            : string.Join(' ', outcomes.Select(one =>
                string.Create(CultureInfo.InvariantCulture,
                    $"{one.Store} is back: arena {one.ArenaId}, {one.Bytes} bytes."))));
    }

    private static string Holder(Invocation call) => call.Holder ?? HoldCommand.Default;

    private static KeptArenas Keeper(Invocation call) =>
        new(store => Holders.Open(Holder(call), store, call.Trust), Steps(call));

    private static KeptKexec Kexec(Invocation call, KeptArenas keeper) => new(keeper, Steps(call));

    private static LiveUpdateCommand.Steps? Steps(Invocation call) =>
        call.Json ? null : new LiveUpdateCommand.Steps(call.Shell);

    private KernelSettings Next(Invocation call) => new() { Image = call.Value(_kernel)!, Initrd = call.Value(_initrd),
        CommandLine = call.Value(_commandLine), Entry = KernelEntry.Direct };
}
