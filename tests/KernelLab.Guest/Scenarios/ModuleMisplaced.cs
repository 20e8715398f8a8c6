namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>
/// The next kernels are told wrong where the memory is: nothing (so that it is nobody's), another range that overlaps
/// it, half of it, and nothing (so that it is the kernel's). Each time the module says why it refuses. Where nobody
/// else could have written to the memory, everything is there once a kernel is told right again.
/// </summary>
internal sealed class ModuleMisplaced : Scenario
{
    // Ordinary memory ends where the range begins: without memmap= it is not used by this kernel, and not reserved
    // either.
    private const string NoMore = "mem=1G";

    public override void Run(Stage stage)
    {
        switch (stage.Number)
        {
            case 0:
                Place.Open(stage);
                Shell.Run("/tests/persist", "write", Place.MountPoint);
                Next(stage, NoMore);
                break;
            case 1:
                Refused("lab:512M@1G", "not reserved memory throughout");
                Next(stage, $"{NoMore} memmap=512M$0x30000000");
                break;
            case 2:
                // It begins before the range, and ends in the middle of it.
                Refused("lab:512M@1G", "reserved only in part");
                Next(stage, $"{NoMore} memmap=256M$0x40000000");
                break;
            case 3:
                Shell.Run("insmod", $"{stage.Modules}/guestmemfs.ko", "ranges=lab:256M@1G");
                Says("was formatted with", Shell.Try("mount", "-t", "guestmemfs", "none", Place.MakeMountPoint()));
                Next(stage, "memmap=512M$0x40000000");
                break;
            case 4:
                Place.Open(stage);
                Checks.Run(stage, "/tests/persist", "verify", Place.MountPoint);
                Next(stage, null);
                break;
            default:
                Refused("lab:512M@1G", "overlap System RAM");
                break;
        }

        void Refused(string range, string reason) =>
            Says(reason, Shell.Try("insmod", $"{stage.Modules}/guestmemfs.ko", $"ranges={range}"));

        void Says(string reason, (int Code, string Text) tried)
        {
            Stage.Check(tried.Code != 0, $"stage {stage.Number} was not refused");
            string line = Shell.Run("dmesg").Split('\n').LastOrDefault(line =>
                line.Contains("guestmemfs: ", StringComparison.Ordinal)) ?? tried.Text;
            Stage.Check(line.Contains(reason, StringComparison.Ordinal),
                $"stage {stage.Number} was refused with: {line}");
            stage.Host.Tell("refused", line[(line.IndexOf("guestmemfs: ", StringComparison.Ordinal) + 12)..]);
        }
    }

    private static void Next(Stage stage, string? memory)
    {
        bool told = false;
        stage.LoadNext(change: word =>
        {
            if (!word.StartsWith("memmap=", StringComparison.Ordinal)
                && !word.StartsWith("mem=", StringComparison.Ordinal))
            {
                return word;
            }

            (string? words, told) = (told ? null : memory, true);
            return words;
        });
        Kexec.Enter();
    }
}
