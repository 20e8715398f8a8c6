using KvStore.Tests.Torture;

// The test runner, and beside it the long profile of the torture.
switch (args)
{
    case ["torture", .. string[] options]:
        return LongRun.Run(options);
    default:
        int result = await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args).ConfigureAwait(false);
        if (!args.Contains("-automated")) // There standard output belongs to the one who started it.
        {
            TortureTotals.Print(Console.Out);
        }

        return result;
}
