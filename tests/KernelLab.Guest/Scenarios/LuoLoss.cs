using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using GuestMemFs.Holding;

namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>
/// What loses memory that a holder has over a kexec, as somebody would bring it about by hand: first what <c>gmfs</c>
/// says to it is told to the host, as <c>refused</c>, and then it is done all the same.
/// </summary>
internal sealed class LuoLoss(Stage stage, string socket, string store)
{
    private const string Kernel = "/boot/7.2/vmlinuz";
    private const string Initrd = "/boot/initrd";

    /// <summary>What <c>gmfs luo</c> is told, for a verb.</summary>
    public static string[] Arguments(string verb, string socket, string store, string commandLine) =>
        ["luo", verb, store, "--holder", socket, "--kernel", Kernel, "--initrd", Initrd, "--command-line", commandLine];

    /// <summary>Loses it, and enters the next kernel.</summary>
    /// <param name="way">"liveupdate", "session", "kexec_load" or "holder".</param>
    /// <param name="holder">Who holds the memory.</param>
    [DoesNotReturn]
    public void Force(string way, Process holder)
    {
        if (way == "holder")
        {
            holder.Kill();
            holder.WaitForExit();
        }

        string next = stage.Arguments.ForStage(stage.Number + 1,
            word => way == "liveupdate" && word == "liveupdate=on" ? null : word);
        if (way is "holder" or "liveupdate")
        {
            Ask("kexec", next);
        }

        using PreservedArena? preserved = way == "holder" ? null : Preserve();
        if (way == "session")
        {
            preserved!.Dispose();
            TellNotHeld(preserved);
        }

        string told = preserved is null ? next : KeptWord.Write(next, [preserved.Word]);
        if (way == "kexec_load")
        {
            Shell.Run("kexec", "-c", "-l", Kernel, $"--initrd={Initrd}", $"--command-line={told}");
            Ask("check", next);
        }
        else
        {
            Kexec.Load(Kernel, Initrd, told, onPanic: false);
        }

        Kexec.Enter();
    }

    private void Ask(string verb, string commandLine)
    {
        (int code, string text) = Gmfs.Try(Arguments(verb, socket, store, commandLine));
        stage.Host.Tell("refused", $"{code} {text}");
    }

    private void TellNotHeld(PreservedArena preserved)
    {
        try
        {
            preserved.RequireHeld();
        }
        catch (HoldingException e)
        {
            stage.Host.Tell("refused", $"3 {e.Message}");
            return;
        }

        throw new ScenarioException("a closed session was not missed");
    }

    private PreservedArena Preserve()
    {
        using (Medium medium = Medium.FromHolder(Holders.Open(socket, store)))
        using (PersistentArena arena = PersistentArena.Open(new ArenaOptions { Medium = medium }))
        {
            arena.Freeze();
        }

        using DescriptorHolder held = Holders.Open(socket, store);
        using ArenaMemory memory = ArenaMemory.OfHolder(held);
        using LuoDevice device = LuoDevice.Open();
        PreservedArena preserved = PreservedArena.Preserve(device, store, memory);
        preserved.RequireHeld();
        return preserved;
    }
}
