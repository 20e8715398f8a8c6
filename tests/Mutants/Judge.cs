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
    private static readonly TimeSpan s_leastPatience = TimeSpan.FromSeconds(60);

    private readonly string _root;
    private readonly string _scratch;
    private readonly List<(Stage Stage, Compiler Compiler, TimeSpan Patience)> _stages = [];

    /// <summary>Prepares the stages that are there and were built, and takes the time of each without a mutant.</summary>
    public Judge(string root, string scratch, Action<string> say)
    {
        _root = root;
        _scratch = scratch;
        foreach (Stage stage in Stage.All)
        {
            string built = Path.Combine(root, "tests", stage.Project, "bin/Release/net10.0");
            if (!File.Exists(Path.Combine(built, stage.Project)))
            {
                say($"{stage.Project} was not built and does not judge");
                continue;
            }

            string folder = FolderOf(stage);
            Copy(built, folder);
            long start = Stopwatch.GetTimestamp();
            int? status = Programs.RunTests(folder, stage.Project, Arguments(stage), TimeSpan.FromMinutes(20));
            TimeSpan took = Stopwatch.GetElapsedTime(start);
            if (status != 0)
            {
                throw new InvalidOperationException($"{stage.Project} fails without a mutant (exit status {status?.ToString() ?? "none"}): it cannot judge.\n{File.ReadAllText(Programs.LogIn(folder))}");
            }

            say($"{stage.Project} for {string.Join(", ", stage.Rooms)}: {took.TotalSeconds:F0} s without a mutant");
            TimeSpan patience = took * PatienceFactor;
            _stages.Add((stage, Compiler.Of(root, stage.Compiles), patience > s_leastPatience ? patience : s_leastPatience));
        }
    }

    /// <summary>Tells what becomes of a mutant, and which stage noticed it.</summary>
    public (Verdict Verdict, string By) Ask(Mutation mutation)
    {
        string source = Path.Combine(_root, mutation.File);
        string changed = Path.Combine(_scratch, Path.GetFileName(mutation.File));
        File.WriteAllText(changed, mutation.Apply(File.ReadAllText(source)));
        foreach ((Stage stage, Compiler compiler, TimeSpan patience) in _stages
            .Where(one => one.Stage.Rooms.Contains(mutation.Room)))
        {
            string folder = FolderOf(stage);
            if (!compiler.TryCompile(source, changed, Path.Combine(folder, stage.Assembly + ".dll")))
            {
                return (Verdict.Invalid, stage.Project);
            }

            int? status = Programs.RunTests(folder, stage.Project, Arguments(stage), patience);
            if (status != 0)
            {
                return (status is null ? Verdict.TimedOut : Verdict.Killed, stage.Project);
            }
        }

        return (Verdict.Survived, "");
    }

    private string FolderOf(Stage stage) => Path.Combine(_scratch, $"{stage.Project}-{stage.Rooms[0]}");

    private static string[] Arguments(Stage stage) => [.. stage.Filters, "-stopOnFail", "-noColor", "-noLogo"];

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
