using GuestMemFs.KernelLab;
using GuestMemFs.KernelLab.Parts;

// The test runner, and beside it the command that fetches what the machines are made of.
switch (args)
{
    case ["fetch", .. string[] options]:
        return LabParts.Fetch(options);
    default:
        int result = await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args).ConfigureAwait(false);
        if (!args.Contains("-automated")) // There standard output belongs to the one who started it.
        {
            LabTimes.Print(Console.Out);
        }

        return result;
}
