using GuestMemFs.KernelLab;
using GuestMemFs.KernelLab.Parts;

// The test runner, also with the long set, and beside it the command that fetches what the machines are made of.
switch (args)
{
    case ["fetch", .. string[] fetch]:
        return LabParts.Fetch(fetch);
    default:
        Kernel.Debugging = args is ["debug", ..];
        string[] options = args switch
        {
            ["long", .. string[] more] => ["-explicit", "only", .. more],
            ["debug"] => ["-explicit", "on", "-class", "*.ModuleTests", "-class", "*KexecTests", "-class", "*.DebugTests"],
            ["debug", .. string[] more] => ["-explicit", "on", .. more],
            _ => args,
        };
        int result = await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(options).ConfigureAwait(false);
        if (!args.Contains("-automated")) // There standard output belongs to the one who started it.
        {
            LabTimes.Print(Console.Out);
        }

        return result;
}
