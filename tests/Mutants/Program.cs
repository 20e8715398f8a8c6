using System.Globalization;
using GuestMemFs.Mutants;

// mutants list                                 how many there are
// mutants run MINUTES SEED RESULTS             judges a random sample until the time is up; goes on where RESULTS ends
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
        return Run(TimeSpan.FromMinutes(double.Parse(minutes, CultureInfo.InvariantCulture)), int.Parse(seed, CultureInfo.InvariantCulture), new Results(path));

    case ["report", var path]:
        new Results(path).Report(explained, Console.Out);
        return 0;

    default:
        Console.Error.WriteLine("usage: mutants list | run MINUTES SEED RESULTS | report RESULTS   (in the repository's root, which was built in Release)");
        return 2;
}

Mutation[] All() => [.. rooms.Select(room => Path.Combine("src/PersistentArena", room)).Where(folder => Directory.Exists(Path.Combine(root, folder)))
    .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(root, folder), "*.cs", SearchOption.AllDirectories)).Order(StringComparer.Ordinal)
    .SelectMany(path => Mutator.Find(Path.GetRelativePath(root, path), File.ReadAllText(path)))];

int Run(TimeSpan time, int seed, Results results)
{
    long end = Environment.TickCount64 + (long)time.TotalMilliseconds;
    string scratch = Directory.CreateTempSubdirectory("mutants-").FullName;
    try
    {
        var judge = new Judge(root, scratch, Console.WriteLine);
        Mutation[] mutations = All();
        new Random(seed).Shuffle(mutations);
        foreach (Mutation mutation in mutations.Where(mutation => !results.Has(mutation)))
        {
            if (Environment.TickCount64 >= end)
            {
                break;
            }

            (Verdict verdict, string by) = judge.Ask(mutation);
            results.Add(mutation, verdict, by);
            Console.WriteLine($"{verdict} {by} {mutation.File}:{mutation.Line} {mutation.Name}");
        }
    }
    finally
    {
        Directory.Delete(scratch, recursive: true);
    }

    results.Report(explained, Console.Out);
    return 0;
}
