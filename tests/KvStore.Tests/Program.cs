using KvStore.Tests.Torture;

// The test runner, and beside it the long profile of the torture.
return args switch
{
    ["torture", .. string[] options] => LongRun.Run(options),
    _ => await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args).ConfigureAwait(false),
};
