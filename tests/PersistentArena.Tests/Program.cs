using GuestMemFs.Tests.Infrastructure;

// The test runner, and beside it what tests kill.
return args is ["history-writer", .. string[] options]
    ? HistoryWriter.Run(options)
    : await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args).ConfigureAwait(false);
