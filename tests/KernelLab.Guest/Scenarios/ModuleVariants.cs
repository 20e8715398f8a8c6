namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>
/// The module's programs on variants of it (<c>lab.work=VARIANT/PROGRAM,...</c>): tells for each whether it found
/// anything wrong.
/// </summary>
internal sealed class ModuleVariants : Scenario
{
    private const string Memory = "1544M@0x13fe00000", Low = "0x40000000", LowHalf = "0x44000000", High = "0x178000000";

    public override void Run(Stage stage)
    {
        stage.LoadModules("mce-inject");
        Place.MakeMountPoint();
        foreach (string work in stage.Arguments.Get("work").Split(','))
        {
            string[] parts = work.Split('/');
            (bool right, string said) = Judge(parts[1], Variants.Module(parts[0]));
            stage.Host.Tell("variant", $"{work} {(right ? "right" : "wrong")}: {said}");
        }
    }

    private static (bool Right, string Said) Judge(string program, string module)
    {
        switch (program)
        {
            case "numa.sh":
                return Script("/tests/numa.sh", module, LowHalf, High);
            case "refuse.sh":
                // It begins with memory that is new.
                Shell.Run("insmod", module, $"ranges={Place.Range}:64M@{Low}");
                Mount("format=force");
                Unload();
                Shell.Run("dd", "if=/dev/zero", "of=/dev/mem", "bs=1M", $"seek={0x40000000 >> 20}", "count=4",
                    "conv=notrunc");
                return Script("/tests/refuse.sh", module, Low);
        }

        Shell.Run("insmod", module, $"ranges={Place.Range}:{Memory}");
        Mount("format=force");
        try
        {
            switch (program.Split('-'))
            {
                case ["persist"]:
                    Shell.Run("/tests/persist", "write", Place.MountPoint);
                    Shell.Run("umount", Place.MountPoint);
                    Mount("mode=0755");
                    return Verdict(Shell.Try("/tests/persist", "verify", Place.MountPoint));
                case [string name, .. string[] more]:
                    return Verdict(Shell.Try($"/tests/{name}", [Place.MountPoint, Place.Range, .. more]));
                default:
                    throw new ScenarioException($"there is no program '{program}'");
            }
        }
        finally
        {
            Unload();
        }
    }

    private static (bool Right, string Said) Script(params string[] arguments)
    {
        (bool Right, string Said) verdict = Verdict(Shell.Try("sh", arguments));
        // One that went wrong may have stopped anywhere.
        foreach (string mounted in (string[])["/mnt2", "/mnt"])
        {
            while (File.ReadLines("/proc/mounts").Any(line =>
                line.Contains($" {mounted} guestmemfs ", StringComparison.Ordinal)))
            {
                Shell.Run("umount", mounted);
            }
        }

        if (Directory.Exists("/sys/module/guestmemfs"))
        {
            Shell.Run("rmmod", "guestmemfs");
        }

        if (!Directory.Exists(Place.MountPoint))
        {
            // It unmounted once too often.
            Shell.Run("mount", "-t", "tmpfs", "mnt", "/mnt");
            Place.MakeMountPoint();
        }

        return verdict;
    }

    private static void Mount(string options) =>
        Shell.Run("mount", "-t", "guestmemfs", "-o", $"range={Place.Range},{options}", "none", Place.MountPoint);

    private static void Unload()
    {
        Shell.Run("umount", Place.MountPoint);
        Shell.Run("rmmod", "guestmemfs");
    }

    private static (bool Right, string Said) Verdict((int Code, string Text) ended)
    {
        string[] failed = [.. ended.Text.Split('\n').Where(line => line.StartsWith("FAIL", StringComparison.Ordinal))];
        return (ended.Code == 0 && failed.Length == 0,
            failed.Length > 0 ? string.Join("; ", failed) : $"ended with {ended.Code}");
    }
}
