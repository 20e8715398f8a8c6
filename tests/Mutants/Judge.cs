using System.Diagnostics;

namespace GuestMemFs.Mutants;

/// <summary>What became of a mutant.</summary>
internal enum Verdict
{
    /// <summary>It does not compile: no mutant at all.</summary>
    Invalid,

    /// <summary>A test or a lab failed.</summary>
    Killed,

    /// <summary>A test or a lab did not end.</summary>
    TimedOut,

    /// <summary>Nothing noticed.</summary>
    Survived,
}

/// <summary>Asks each stage about a mutant, until one notices it.</summary>
internal sealed class Judge
{
    private const double PatienceFactor = 4;
    private const double LeastPatience = 30;

    private readonly string _root;
    private readonly string _scratch;
    private readonly List<(Stage Stage, Compiler Compiler, double Patience)> _stages = [];

    /// <summary>
    /// Prepares the stages that are there and were built, and takes the processor time of each without a mutant.
    /// </summary>
    public Judge(string root, string scratch, IReadOnlyList<Stage> stages, Action<string> say)
    {
        _root = root;
        _scratch = scratch;
        foreach (Stage stage in stages)
        {
            string built = Path.Combine(root, "tests", stage.Project, "bin/Release/net10.0");
            if (!File.Exists(Path.Combine(built, stage.Project)))
            {
                say($"{stage.Project} was not built and does not judge");
                continue;
            }

            string folder = FolderOf(stage);
            Copy(built, folder);
            Compiler compiler = Compiler.Of(root, stage.Compiles);
            string source = Directory.EnumerateFiles(
                Path.Combine(root, "src/PersistentArena", stage.Rooms[0]), "*.cs").First();
            string output = Path.Combine(folder, stage.Assembly + ".dll");
            if (compiler.TryCompile(source, File.ReadAllText(source), output) != true)
            {
                throw new InvalidOperationException($"{stage.Compiles} does not compile without a mutant.");
            }

            (int? status, double used) = Programs.RunTests(folder, stage.Project, stage.Arguments, limit: 3600);
            if (status != 0)
            {
                throw new InvalidOperationException(
                    $"{stage.Project} fails without a mutant (exit status {status?.ToString() ?? "none"}): it cannot "
                    + $"judge.\n{File.ReadAllText(Programs.LogIn(folder))}");
            }

            string rooms = string.Join(", ", stage.Rooms);
            say($"{stage.Project} for {rooms}: {used:F0} s of processor time without a mutant");
            double patience = Math.Max(used * PatienceFactor, LeastPatience);
            _stages.Add((stage, compiler, patience));
        }
    }

    /// <summary>Tells what becomes of a mutant, and which stage noticed it.</summary>
    public (Verdict Verdict, string By) Ask(Mutation mutation) =>
        Ask(mutation, mutation.Apply(File.ReadAllText(Path.Combine(_root, mutation.File))));

    /// <summary>The same with the source as it is: what is noticed then says how far the others are to be
    /// trusted.</summary>
    public (Verdict Verdict, string By) AskUnchanged(Mutation mutation) =>
        Ask(mutation, File.ReadAllText(Path.Combine(_root, mutation.File)));

    private (Verdict Verdict, string By) Ask(Mutation mutation, string changed)
    {
        string source = Path.Combine(_root, mutation.File);
        Dictionary<string, bool?> compiled = [];
        foreach ((Stage stage, Compiler compiler, double patience) in _stages
            .Where(one => one.Stage.Rooms.Contains(mutation.Room)))
        {
            string folder = FolderOf(stage);
            if (!compiled.TryGetValue(folder, out bool? compiles))
            {
                compiles = compiler.TryCompile(source, changed, Path.Combine(folder, stage.Assembly + ".dll"));
                compiled.Add(folder, compiles);
            }

            if (compiles == false)
            {
                return (Verdict.Invalid, stage.Project);
            }

            if (compiles is not null && Programs.RunTests(folder, stage.Project, stage.Arguments, patience).Status is
                not 0 and var status)
            {
                return (status is null ? Verdict.TimedOut : Verdict.Killed, $"{stage.Project}: {Noticed(folder)}");
            }
        }

        return (Verdict.Survived, "");
    }

    // The first test that failed, or the end of what the program said.
    private static string Noticed(string folder)
    {
        string[] lines = File.ReadAllLines(Programs.LogIn(folder));
        string line = lines.FirstOrDefault(line => line.EndsWith("[FAIL]", StringComparison.Ordinal))
            ?? lines.LastOrDefault(line => line.Trim().Length > 0) ?? "";
        line = line.Replace('\t', ' ').Trim();
        return line.Length <= 120 ? line : line[..120];
    }

    private string FolderOf(Stage stage) => Path.Combine(_scratch, $"{stage.Project}-{stage.Rooms[0]}");

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string path in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(to, Path.GetRelativePath(from, path));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(path, target, overwrite: true);
        }
    }
}
