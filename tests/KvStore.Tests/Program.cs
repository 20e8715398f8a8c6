using KvStore.Tests.Torture;

// The test runner, and beside it the long profile of the torture.
switch (args)
{
    case ["torture", .. string[] options]:
        return LongRun.Run(options);
    default:
        if (!args.Contains("-automated")) // There standard output belongs to the one who started it.
        {
            Console.WriteLine(KvStore.Tests.Infrastructure.TestServer.Description);
        }

        int result = await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args).ConfigureAwait(false);
        if (!args.Contains("-automated"))
        {
            TortureTotals.Print(Console.Out);
        }

        return result;
}
