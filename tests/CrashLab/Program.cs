using GuestMemFs.CrashLab;
using GuestMemFs.CrashLab.Damage;

// The test runner, and beside it the things that want a process of their own.
switch (args)
{
    case ["faults", .. string[] faults]:
        return FaultRunner.Run(faults);
    case ["damage", .. string[] options]:
        return DamageRunner.Run(options);
    case ["damage-large", .. string[] options]:
        return LargeDamage.Run(options);
    case ["damage-log", .. string[] options]:
        return LogDamage.Run(options);
    case ["damage-show", .. string[] options]:
        return DamageRunner.Show(options);
    case ["scenes", .. string[] names]:
        return CrashScenes.Run(names);
    case ["long", .. string[] options]:
        return LongRun.Run(options);
    default:
        int result = await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args).ConfigureAwait(false);
        if (!args.Contains("-automated")) // There standard output belongs to the one who started it.
        {
            LabCounts.Print(Console.Out);
        }

        return result;
}
