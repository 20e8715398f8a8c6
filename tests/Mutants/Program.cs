using System.Globalization;
using GuestMemFs.Mutants;

// mutants list                                 how many there are
// mutants run MINUTES SEED RESULTS             judges a random sample until the time is up; goes on where RESULTS ends
// mutants again MINUTES RESULTS                asks whole labs about survivors that have no explanation
// mutants report RESULTS                       the shares, and who survived
string root = Environment.GetEnvironmentVariable("GMF_ROOT") ?? Directory.GetCurrentDirectory();
string[] rooms = ["Journal", "Arena", "Heap", "Collections"];
var explained = new Results(Path.Combine(root, "tests/Mutants/explained.txt"));

switch (args)
{
    case ["list"]:
        foreach (var room in All().GroupBy(mutation => mutation.Room))
        {
            Console.WriteLine($"{room.Key}: {room.Count()}");
        }

        return 0;

    case ["run", var minutes, var seed, var path]:
        Mutation[] shuffled = All();
        new Random(int.Parse(seed, CultureInfo.InvariantCulture)).Shuffle(shuffled);
        return Run(minutes, Stage.Quick, shuffled, results => mutation => !results.Has(mutation), path);

    case ["again", var minutes, var path]:
        return Run(minutes, Stage.Whole, All(), results => results.IsOpen(explained), path);

    case ["report", var path]:
        new Results(path).Report(explained, Console.Out);
        return 0;

    default:
        Console.Error.WriteLine("usage: mutants list | run MINUTES SEED RESULTS | again MINUTES RESULTS | " +
            "report RESULTS");
        Console.Error.WriteLine("in the repository's root, which was built in Release");
        return 2;
}

Mutation[] All() => [.. rooms.Select(room => Path.Combine("src/PersistentArena", room)).Where(folder =>
    Directory.Exists(Path.Combine(root, folder)))
    .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(root, folder), "*.cs", SearchOption.AllDirectories))
    .Order(StringComparer.Ordinal)
    .SelectMany(path => Mutator.Find(Path.GetRelativePath(root, path), File.ReadAllText(path)))];

int Run(
    string minutes, IReadOnlyList<Stage> stages, Mutation[] all, Func<Results, Func<Mutation, bool>> which, string path)
{
    const int MutantsAControl = 20;
    TimeSpan time = TimeSpan.FromMinutes(double.Parse(minutes, CultureInfo.InvariantCulture));
    long end = Environment.TickCount64 + (long)time.TotalMilliseconds;
    Results results = new(path);
    string scratch = Directory.CreateTempSubdirectory("mutants-").FullName;
    try
    {
        Judge judge = new(root, scratch, stages, Console.WriteLine);
        int asked = 0;
        foreach (Mutation mutation in all.Where(which(results)))
        {
            if (Environment.TickCount64 >= end)
            {
                break;
            }

            (Verdict verdict, string by) = judge.Ask(mutation);
            results.Add(mutation, verdict, by);
            Console.WriteLine($"{verdict} {by} {mutation.File}:{mutation.Line} {mutation.Name}");
            if (++asked % MutantsAControl == 0)
            {
                (verdict, by) = judge.AskUnchanged(mutation);
                results.AddControl(verdict, by);
                Console.WriteLine($"unchanged: {verdict} {by}");
            }
        }
    }
    finally
    {
        Directory.Delete(scratch, recursive: true);
    }

    results.Report(explained, Console.Out);
    return 0;
}
