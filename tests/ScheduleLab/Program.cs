using GuestMemFs.ScheduleLab;
using GuestMemFs.ScheduleLab.Running;

if (args is ["with", string active, .. string[] others])
{
    GuestMemFs.ScheduleLab.Seam.Seeded.Active = Array.IndexOf(Rewriting.Faults, active) + 1;
    args = others;
}

// The test runner, and beside it the things that want a process of their own.
switch (args)
{
    case ["show", string name, .. string[] plan]:
        using (Explorer explorer = new(0))
        {
            (string? wrong, string table) = explorer.Show(Scenario.Parse(name), plan.Length == 0 ? ["0"] : plan);
            Console.Write(table);
            Console.WriteLine(wrong ?? "nothing is wrong");
            return wrong is null ? 0 : 1;
        }

    case ["long", .. string[] options]:
        return LongRun.Run(options);
    case ["faults", .. string[] faults]:
        return Faults.Run(faults);
    case ["hunt", .. string[] faults]:
        return Faults.Hunt(faults);
    case ["look", string look, string fault, .. string[] scenarios]:
        return Faults.LookAt(Enum.Parse<Look>(look), fault, scenarios);
    case ["pairs", .. string[] rest]:
        return Sweep.Pairs(rest);
    case ["beginnings"]:
        Array.ForEach([.. Scenario.Beginnings, .. Scenario.Tables.SelectMany(table => table.Beginnings)], one =>
            Console.WriteLine(one.Name));
        return 0;
    default:
        int result = await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args).ConfigureAwait(false);
        if (!args.Contains("-automated")) // There standard output belongs to the one who started it.
        {
            LabCounts.Print(Console.Out);
        }

        return result;
}
