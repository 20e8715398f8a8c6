using System.Globalization;
using GuestMemFs.Mutants;

// mutants list                                 how many there are
// mutants find TEXT                            their numbers, by file or change: GMF_MUTANT=NUMBER turns one on
// mutants draw COUNT SEED                      the first of a sample, with their numbers: to ask by hand
// mutants run MINUTES SEED RESULTS             judges a random sample until the time is up; goes on where RESULTS ends
// mutants again RESULTS                        asks once more about survivors that have no explanation
// mutants report RESULTS                       the shares, and what survived
string root = Environment.GetEnvironmentVariable("GMF_ROOT") ?? Directory.GetCurrentDirectory();
string[] rooms = ["Journal", "Arena", "Heap", "Collections"];
Results explained = new(Path.Combine(root, "tests/Mutants/explained.txt"));
(int Number, Mutation Mutation)[] all = [.. rooms
    .Select(room => Path.Combine(root, "src/PersistentArena", room)).Where(Directory.Exists)
    .SelectMany(folder => Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories))
    .Order(StringComparer.Ordinal)
    .SelectMany(path => Mutator.Find(Path.GetRelativePath(root, path), File.ReadAllText(path))).Index()];

switch (args)
{
    case ["list"]:
        foreach (var room in all.GroupBy(one => one.Mutation.Room))
        {
            Console.WriteLine($"{room.Key}: {room.Count()}");
        }

        return 0;

    case ["find", var text]:
        Print(all.Where(one => one.Mutation.Name.Contains(text, StringComparison.Ordinal)));
        return 0;

    case ["draw", var count, var seed]:
        Print(Sample.Of(all, int.Parse(seed, CultureInfo.InvariantCulture)).Take(
            int.Parse(count, CultureInfo.InvariantCulture)));
        return 0;

    case ["run", var minutes, var seed, var path]:
        return Run(
            slowToo: false, TimeSpan.FromMinutes(double.Parse(minutes, CultureInfo.InvariantCulture)),
            Sample.Of(all, int.Parse(seed, CultureInfo.InvariantCulture)),
            results => mutation => !results.Has(mutation), path);

    case ["again", var path]:
        return Run(slowToo: true, TimeSpan.MaxValue, all, results => results.IsOpen(explained), path);

    case ["report", var path]:
        new Results(path).Report(explained, Console.Out);
        return 0;

    default:
        Console.Error.WriteLine("usage: mutants list | find TEXT | draw COUNT SEED | run MINUTES SEED RESULTS | " +
            "again RESULTS | report RESULTS");
        Console.Error.WriteLine("in the repository's root, which was built in Release");
        return 2;
}

static void Print(IEnumerable<(int Number, Mutation Mutation)> some)
{
    foreach ((int number, Mutation mutation) in some)
    {
        Console.WriteLine($"{number}\tline {mutation.Line}\t{mutation.Name}");
    }
}

int Run(
    bool slowToo, TimeSpan time, IEnumerable<(int Number, Mutation Mutation)> drawn,
    Func<Results, Func<Mutation, bool>> which, string path)
{
    const int MutantsAControl = 20;
    const double AgainPatience = 4;
    Workshop workshop = new(root, [.. all.Select(one => one.Mutation)]);
    workshop.Prepare(slowToo, Console.WriteLine);
    Judge judge = new(root, workshop, slowToo ? AgainPatience : 1);
    Results results = new(path);
    System.Diagnostics.Stopwatch watch = System.Diagnostics.Stopwatch.StartNew();
    int asked = 0;
    Workers.Run(drawn.Where(one => which(results)(one.Mutation)).ToList(), (one, worker) =>
    {
        if (watch.Elapsed >= time)
        {
            return;
        }

        (Verdict verdict, string by) = judge.Ask(one.Number, one.Mutation, worker);
        results.Add(one.Mutation, verdict, by);
        if (Interlocked.Increment(ref asked) % MutantsAControl == 0)
        {
            (verdict, by) = judge.AskUnchanged(one.Number, one.Mutation, worker);
            results.AddControl(verdict, by);
        }
    });
    results.Report(explained, Console.Out);
    return 0;
}
