using GuestMemFs.CrashLab;

// The test runner, and beside it the two things that want a process of their own.
switch (args)
{
    case ["faults", .. string[] faults]:
        return FaultRunner.Run(faults);
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
