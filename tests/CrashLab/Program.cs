using GuestMemFs.CrashLab;

// The test runner, and beside it the two things that want a process of their own.
return args switch
{
    ["faults", .. string[] faults] => FaultRunner.Run(faults),
    ["long", .. string[] options] => LongRun.Run(options),
    _ => await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args).ConfigureAwait(false),
};
