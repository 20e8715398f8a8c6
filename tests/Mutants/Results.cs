using System.Globalization;

namespace GuestMemFs.Mutants;

/// <summary>
/// What became of mutants, a line each: verdict, who noticed, name; tab between them. The list of explained survivors has the same form:
/// its second field is the reason.
/// </summary>
internal sealed class Results
{
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
        _lines[mutation.Name] = (verdict.ToString(), by);
        File.AppendAllText(_path, $"{verdict}\t{by}\t{mutation.Name}\n");
    }

    /// <summary>Prints the share of mutants that were noticed, of those that change behaviour, and every survivor that has no explanation.</summary>
    public void Report(Results explained, TextWriter to)
    {
        var counted = _lines.Where(line => line.Value.Verdict != nameof(Verdict.Invalid)).ToList();
        var survivors = counted.Where(line => line.Value.Verdict == nameof(Verdict.Survived)).ToList();
        int alike = survivors.Count(line => explained._lines.ContainsKey(line.Key));
        int noticed = counted.Count - survivors.Count;
        double share = counted.Count == alike ? 0 : 100.0 * noticed / (counted.Count - alike);
        to.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{counted.Count} mutants, {noticed} noticed, {survivors.Count} survived, {alike} of them explained: {share:F1} % of those that change behaviour"));
        foreach (var by in counted.Where(line => line.Value.By.Length > 0).GroupBy(line => line.Value.By))
        {
            to.WriteLine($"  {by.Key}: {by.Count()}");
        }

        foreach (var survivor in survivors.Where(line => !explained._lines.ContainsKey(line.Key)).OrderBy(line => line.Key, StringComparer.Ordinal))
        {
            to.WriteLine($"survived: {survivor.Key}");
        }
    }
}
