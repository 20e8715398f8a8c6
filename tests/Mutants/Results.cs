using System.Globalization;

namespace GuestMemFs.Mutants;

/// <summary>
/// What became of mutants, a line each: verdict, who noticed, name; tab between them. The list of explained survivors
/// has the same form: its second field is the reason.
/// </summary>
internal sealed class Results
{
    private const string Control = "unchanged ";

    private readonly string _path;
    private readonly Dictionary<string, (string Verdict, string By)> _lines = new(StringComparer.Ordinal);

    public Results(string path)
    {
        _path = path;
        foreach (string[] parts in File.Exists(path) ? File.ReadLines(path).Select(line => line.Split('\t', 3)) : [])
        {
            if (parts.Length == 3)
            {
                _lines[parts[2]] = (parts[0], parts[1]);
            }
        }
    }

    public bool Has(Mutation mutation) => _lines.ContainsKey(mutation.Name);

    public void Add(Mutation mutation, Verdict verdict, string by)
    {
        lock (_lines)
        {
            _lines[mutation.Name] = (verdict.ToString(), by);
            File.AppendAllText(_path, $"{verdict}\t{by}\t{mutation.Name}\n");
        }
    }

    /// <summary>Notes what became of the sources as they are.</summary>
    public void AddControl(Verdict verdict, string by)
    {
        lock (_lines)
        {
            string name = $"{Control}{_lines.Count(line => IsControl(line.Key)) + 1}";
            _lines[name] = (verdict.ToString(), by);
            File.AppendAllText(_path, $"{verdict}\t{by}\t{name}\n");
        }
    }

    /// <summary>Whether a mutant outlived what it was asked, and has no explanation.</summary>
    public Func<Mutation, bool> IsOpen(Results explained) => mutation =>
        _lines.TryGetValue(mutation.Name, out var line) && line.Verdict == nameof(Verdict.Survived)
        && !explained._lines.ContainsKey(mutation.Name);

    /// <summary>Prints the share of mutants that were noticed, of those that change behaviour, and every survivor that
    /// has no explanation.</summary>
    public void Report(Results explained, TextWriter to)
    {
        var counted = _lines.Where(line => line.Value.Verdict
            is not (nameof(Verdict.Invalid) or nameof(Verdict.Unjudged)) && !IsControl(line.Key)).ToList();
        foreach (var room in counted.GroupBy(line => RoomOf(line.Key)).OrderBy(
            room => room.Key, StringComparer.Ordinal))
        {
            Report(room.Key, [.. room], explained, to);
        }

        Report("all", counted, explained, to);
        foreach (var by in counted.Where(line => line.Value.By.Length > 0).GroupBy(line =>
            line.Value.By.Split(':')[0]))
        {
            to.WriteLine($"  {by.Key}: {by.Count()}");
        }

        var controls = _lines.Where(line => IsControl(line.Key)).ToList();
        int wrong = controls.Count(line => line.Value.Verdict != nameof(Verdict.Survived));
        foreach (var left in _lines.Where(line => line.Value.Verdict
            is nameof(Verdict.Invalid) or nameof(Verdict.Unjudged)).GroupBy(line => line.Value.Verdict))
        {
            to.WriteLine($"not counted: {left.Count()} {left.Key}");
        }

        to.WriteLine($"without a mutant: {controls.Count}, of which {wrong} were called wrong");
        foreach (var survivor in counted.Where(line => line.Value.Verdict == nameof(Verdict.Survived)
            && !explained._lines.ContainsKey(line.Key)).OrderBy(line => line.Key, StringComparer.Ordinal))
        {
            to.WriteLine($"survived: {survivor.Key}");
        }
    }

    private static void Report(
        string room, List<KeyValuePair<string, (string Verdict, string By)>> lines, Results explained, TextWriter to)
    {
        var survivors = lines.Where(line => line.Value.Verdict == nameof(Verdict.Survived)).ToList();
        int alike = survivors.Count(line => explained._lines.ContainsKey(line.Key));
        int timedOut = lines.Count(line => line.Value.Verdict == nameof(Verdict.TimedOut));
        int noticed = lines.Count - survivors.Count;
        (double low, double share, double high) = Interval(noticed, lines.Count - alike);
        to.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{room}: {lines.Count} mutants, {noticed} noticed ({timedOut} of them did not end), "
            + $"{survivors.Count} survived, {alike} of those explained: {share:F1} % of those that change behaviour "
            + $"({low:F1} to {high:F1})"));
    }

    // Wilson's interval, 95 %, in per cent.
    private static (double Low, double Share, double High) Interval(int hits, int of)
    {
        const double Z = 1.96;
        if (of == 0)
        {
            return (0, 0, 100);
        }

        double share = (double)hits / of;
        double middle = share + (Z * Z / (2 * of));
        double half = Z * Math.Sqrt((share * (1 - share) / of) + (Z * Z / (4.0 * of * of)));
        double scale = 100 / (1 + (Z * Z / of));
        return ((middle - half) * scale, share * 100, (middle + half) * scale);
    }

    private static string RoomOf(string name) => Path.GetFileName(Path.GetDirectoryName(name.Split(':')[0])!);

    private static bool IsControl(string name) => name.StartsWith(Control, StringComparison.Ordinal);
}
