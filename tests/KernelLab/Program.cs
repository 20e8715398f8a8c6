using GuestMemFs.KernelLab;
using GuestMemFs.KernelLab.Parts;
using GuestMemFs.KernelLab.Restarts;

// The test runner, also with the long set, and beside it the command that fetches what the machines are made of.
switch (args)
{
    case ["fetch", .. string[] fetch]:
        return LabParts.Fetch(fetch);
    case ["restarts", .. string[] restarts]:
        try
        {
            RestartOptions.Current = RestartOptions.Parse(restarts);
        }
        catch (FormatException e)
        {
            Console.Error.WriteLine(e.Message);
            return 2;
        }

        Directory.CreateDirectory(Path.GetDirectoryName(RestartReport.TablesFile)!);
        File.Delete(RestartReport.TablesFile);
        int compared = await Xunit.Runner.InProc.SystemConsole.ConsoleRunner
            .Run(["-explicit", "only", "-parallel", "none", "-diagnostics", "-class", "*.RestartTests"])
            .ConfigureAwait(false);
        LabTimes.Print(Console.Out);
        if (File.Exists(RestartReport.TablesFile))
        {
            Console.Write(await File.ReadAllTextAsync(RestartReport.TablesFile).ConfigureAwait(false));
        }

        return compared;
    default:
        Kernel.Debugging = args is ["debug", ..];
        string[] options = args switch
        {
            ["long", .. string[] more] => ["-explicit", "only", "-parallel", "none", .. more],
            ["debug"] =>
            [
                "-explicit", "on", "-parallel", "none",
                "-class", "*.ModuleTests", "-class", "*KexecTests", "-class", "*.DebugTests",
            ],
            ["debug", .. string[] more] => ["-explicit", "on", "-parallel", "none", .. more],
            _ => args,
        };
        int result = await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(options).ConfigureAwait(false);
        if (!args.Contains("-automated")) // There standard output belongs to the one who started it.
        {
            LabTimes.Print(Console.Out);
        }

        return result;
}
