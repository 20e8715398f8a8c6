using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace GuestMemFs.Mutants;

/// <summary>
/// The programs that judge, each once with all mutants behind switches, and what each part of them reaches. It is made
/// once for a state of the sources, in a folder that the next run finds.
/// </summary>
internal sealed class Workshop
{
    private const double MostSeconds = 60; // of processor time: a part that takes longer is none to ask
    private const int LongestLog = 2_000;

    private readonly string _root;
    private readonly string _folder;
    private readonly IReadOnlyList<Mutation> _all;
    private readonly Dictionary<string, HashSet<int>> _switched = new(StringComparer.Ordinal);
    private readonly List<Unit> _units = [];

    public Workshop(string root, IReadOnlyList<Mutation> all)
    {
        _root = root;
        _folder = Path.Combine(root, "artifacts/mutants");
        _all = all;
    }

    /// <summary>The parts of the stages, with their cost and what they reach.</summary>
    public IReadOnlyList<Unit> Units => _units;

    /// <summary>Whether any program has the mutant behind a switch.</summary>
    public bool IsSwitched(int number) => _switched.Values.Any(numbers => numbers.Contains(number));

    public bool IsSwitched(int number, string project) => _switched[project].Contains(number);

    public string ProgramOf(string project) => Path.Combine(_folder, project, project);

    /// <summary>Where a run of a program may write what it says.</summary>
    public string LogOf(int worker) => Path.Combine(_folder, $"output{worker}.log");

    /// <summary>Builds and looks, or takes what a run before has left of the same sources and programs.</summary>
    public void Prepare(bool slowToo, Action<string> say)
    {
        Directory.CreateDirectory(_folder);
        HashSet<int> refused = [];
        foreach (string project in Stage.Projects)
        {
            string key = KeyOf(project), keyFile = Path.Combine(_folder, project + ".key");
            if (!File.Exists(keyFile) || File.ReadAllText(keyFile) != key)
            {
                File.WriteAllText(UnitsFile(project), "");
                Build(project, refused, say);
                File.WriteAllText(keyFile, key);
            }

            _switched[project] = [.. File.ReadAllLines(SwitchedFile(project)).Select(line =>
                int.Parse(line, CultureInfo.InvariantCulture))];
        }

        IReadOnlyList<Stage> stages = Stage.All(ProgramOf, slowToo);
        Cover(stages, say);
        var byName = stages.ToDictionary(stage => stage.Name);
        _units.AddRange(Stage.Projects.SelectMany(project => File.ReadLines(UnitsFile(project))).Select(line =>
            Unit.Parse(line, byName)).Where(unit => unit.Stage.Units.Contains(unit.Name)));
        foreach (Stage stage in stages)
        {
            _units.AddRange([.. _units.Where(unit => unit.Stage.Name == stage.Like?.Stage).Select(unit =>
                unit with { Stage = stage, Seconds = unit.Seconds * stage.Like!.Value.Times })]);
        }
    }

    private string UnitsFile(string project) => Path.Combine(_folder, project + ".units");

    private string SwitchedFile(string project) => Path.Combine(_folder, project + ".switched");

    private void Build(string name, HashSet<int> refused, Action<string> say)
    {
        Copy(Path.Combine(_root, "tests", name, "bin/Release/net10.0"), Path.Combine(_folder, name));
        Stage stage = new("", name, [], _ => []);
        SwitchedBuild build = new(_root, Project.Of(_root, stage.Compiles), refused);
        build.Make(_all, Path.Combine(_folder, name, stage.Assembly + ".dll"));
        File.WriteAllLines(SwitchedFile(name), build.Switched.Select(number =>
            number.ToString(CultureInfo.InvariantCulture)));
        say($"{stage.Compiles}: {build.Switched.Count} of {_all.Count} mutants are in one build");
    }

    // Each part alone, with no mutant on. One that fails cannot judge: nothing counts as reached by it.
    private void Cover(IReadOnlyList<Stage> stages, Action<string> say)
    {
        HashSet<(string, string)> known = [.. Stage.Projects.SelectMany(project => File.ReadLines(UnitsFile(project)))
            .Select(line => line.Split('\t')).Select(parts => (parts[0], parts[1]))];
        var parts = stages.Where(stage => stage.Like is null).SelectMany(stage => stage.Units.Select(unit =>
            (Stage: stage, Unit: unit))).Where(part => !known.Contains((part.Stage.Name, part.Unit))).ToList();
        Workers.Run(parts, (part, worker) =>
        {
            Unit unit = Cover(part.Stage, part.Unit, worker, say);
            lock (parts)
            {
                File.AppendAllText(UnitsFile(part.Stage.Project), $"{unit}\n");
            }
        });
    }

    private Unit Cover(Stage stage, string unit, int worker, Action<string> say)
    {
        string file = Path.Combine(_folder, $"reached{worker}");
        File.WriteAllBytes(file, new byte[_all.Count]);
        Dictionary<string, string> variables = new() { [SwitchSource.Reached] = file };
        (int? status, double used) = Programs.RunTests(
            ProgramOf(stage.Project), stage.Arguments([unit]), variables, LogOf(worker), MostSeconds);
        byte[] reached = File.ReadAllBytes(file);
        if (status != 0)
        {
            string log = File.ReadAllText(LogOf(worker));
            say($"{stage.Name}, {unit} does not judge: without a mutant it ends with {status?.ToString() ?? "no end"}\n"
                + log[..Math.Min(log.Length, LongestLog)]);
            Array.Clear(reached);
        }

        return new Unit(stage, unit, used, reached);
    }

    private string KeyOf(string project)
    {
        string program = Path.Combine(_root, "tests", project, "bin/Release/net10.0", project + ".dll");
        string all = string.Join('\n', _all.Select(mutation => $"{mutation.Name} {mutation.Span.Start}"));
        return Convert.ToHexString(SHA256.HashData(
            [.. Encoding.UTF8.GetBytes(all), .. SHA256.HashData(File.ReadAllBytes(program))]));
    }

    private static void Copy(string from, string to)
    {
        foreach (string path in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(to, Path.GetRelativePath(from, path));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(path, target, overwrite: true);
        }
    }
}
