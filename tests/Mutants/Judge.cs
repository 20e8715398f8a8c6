namespace GuestMemFs.Mutants;

/// <summary>What became of a mutant.</summary>
internal enum Verdict
{
    /// <summary>It does not compile: no mutant at all.</summary>
    Invalid,

    /// <summary>It compiles alone, and cannot stand behind a switch: nobody was asked.</summary>
    Unjudged,

    /// <summary>A test or a lab failed.</summary>
    Killed,

    /// <summary>A test or a lab did not end.</summary>
    TimedOut,

    /// <summary>Nothing noticed.</summary>
    Survived,
}

/// <summary>
/// Asks what reaches a mutant, in the order in which most are noticed in the least time, until something notices it.
/// </summary>
/// <param name="root">The repository.</param>
/// <param name="workshop">The programs.</param>
/// <param name="patience">How many times the usual processor time is asked of each stage at most.</param>
internal sealed class Judge(string root, Workshop workshop, double patience)
{
    private const double SecondsOfFirstBatch = 2;
    private const double LimitFactor = 3;
    private const double LeastLimit = 10;
    private const int LongestReason = 120;

    // Of what a runner of tests says before the first test.
    private static readonly string[] s_beginnings = ["Discovering:", "Discovered:", "Starting:"];

    private readonly Lazy<Project> _library = new(() => Project.Of(root, "src/PersistentArena"));
    private readonly TrackRecord _record = new();

    // Parts of one stage that run in one process.
    private sealed record Batch(Stage Stage, IReadOnlyList<Unit> Units)
    {
        public double Seconds { get; } = Unit.StartSeconds + Units.Sum(unit => unit.OwnSeconds);
    }

    /// <summary>Tells what becomes of a mutant, and which stage noticed it.</summary>
    public (Verdict Verdict, string By) Ask(int number, Mutation mutation, int worker)
    {
        if (!workshop.IsSwitched(number))
        {
            return (CompilesAlone(mutation) ? Verdict.Unjudged : Verdict.Invalid, "");
        }

        Batch[] batches = [.. Batches(number, mutation.Room)];
        foreach (Batch batch in batches)
        {
            (Verdict Verdict, string By)? noticed = Ask(number, batch, worker);
            _record.Note(batch.Units, noticed?.By);
            if (noticed is not null)
            {
                return noticed.Value;
            }
        }

        return (Verdict.Survived, batches.Length == 0 ? "not reached" : $"{batches.Length} asked");
    }

    /// <summary>The same parts with no mutant on: what is noticed then says how far the others are to be
    /// trusted.</summary>
    public (Verdict Verdict, string By) AskUnchanged(int number, Mutation mutation, int worker) =>
        Batches(number, mutation.Room).Take(2).Select(batch => Ask(-1, batch, worker)).FirstOrDefault(noticed =>
            noticed is not null) ?? (Verdict.Survived, "");

    private IEnumerable<Batch> Batches(int number, string room) =>
        workshop.Units.Where(unit => unit.Reached[number] != 0 && workshop.IsSwitched(number, unit.Stage.Project))
            .GroupBy(unit => unit.Stage.Name)
            .SelectMany(stage => Batches([.. stage.OrderByDescending(unit => _record.RateOf(unit, room))]))
            .OrderBy(batch => batch.Stage.IsLong)
            .ThenByDescending(batch => batch.Units.Sum(unit => _record.RateOf(unit, room) * unit.OwnSeconds)
                / batch.Seconds);

    // What is quick, and what else there is time for.
    private IEnumerable<Batch> Batches(Unit[] units)
    {
        Stage stage = units[0].Stage;
        double seconds = 0;
        Unit[] asked = [.. units.Where(unit =>
        {
            bool fits = seconds + unit.OwnSeconds <= stage.MostSeconds * patience;
            seconds += fits ? unit.OwnSeconds : 0;
            return fits;
        })];
        seconds = 0;
        Unit[] first = [.. asked.TakeWhile(unit => (seconds += unit.OwnSeconds) <= SecondsOfFirstBatch)];
        foreach (Unit[] some in (Unit[][])[first, asked[first.Length..]])
        {
            if (some.Length > 0)
            {
                yield return new Batch(stage, some);
            }
        }
    }

    private (Verdict Verdict, string By)? Ask(int number, Batch batch, int worker)
    {
        Dictionary<string, string> variables = new() { [SwitchSource.Active] = $"{number}" };
        string log = workshop.LogOf(worker);
        (int? status, double _) = Programs.RunTests(
            workshop.ProgramOf(batch.Stage.Project), batch.Stage.Arguments(batch.Units.Select(unit => unit.Name)),
            variables, log, LeastLimit + (LimitFactor * batch.Seconds));
        Verdict verdict = status switch { 0 => Verdict.Survived, null => Verdict.TimedOut, _ => Verdict.Killed };
        return verdict == Verdict.Survived ? null : (verdict, $"{batch.Stage.Name}: {Noticed(log)}");
    }

    private bool CompilesAlone(Mutation mutation)
    {
        string path = Path.Combine(root, mutation.File);
        return _library.Value.Compiles(path, mutation.Apply(File.ReadAllText(path)));
    }

    // The first test that failed, or what the program said first of its own.
    private static string Noticed(string log)
    {
        string[] lines = File.ReadAllLines(log);
        string line = lines.FirstOrDefault(line => line.EndsWith("[FAIL]", StringComparison.Ordinal))
            ?? lines.FirstOrDefault(line => line.Trim().Length > 0
                && !s_beginnings.Any(word => line.Contains(word, StringComparison.Ordinal))) ?? "";
        line = line.Replace('\t', ' ').Trim();
        return line.Length <= LongestReason ? line : line[..LongestReason];
    }
}
