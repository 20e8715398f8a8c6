namespace GuestMemFs.Mutants;

/// <summary>
/// How often each part has noticed a mutant that it was asked about: what notices many in little time is asked first.
/// </summary>
internal sealed class TrackRecord
{
    private const double NoticesAtFirst = 0.2; // of one question, before anything is known
    private const double OfTheSameRoom = 4;
    private const double LeastSeconds = 0.05;

    private readonly Dictionary<Unit, (int Asked, int Noticed)> _units = [];

    /// <summary>Mutants noticed a second, as far as is known.</summary>
    public double RateOf(Unit unit, string room)
    {
        lock (_units)
        {
            (int asked, int noticed) = _units.GetValueOrDefault(unit);
            double share = (noticed + NoticesAtFirst) / (asked + 1);
            double fits = unit.Name.Contains($".{room}.", StringComparison.Ordinal) ? OfTheSameRoom : 1;
            return share * fits / Math.Max(LeastSeconds, unit.OwnSeconds);
        }
    }

    /// <summary>Notes what became of a question; by its text a notice is known to be a part's.</summary>
    public void Note(IReadOnlyList<Unit> asked, string? noticed)
    {
        lock (_units)
        {
            foreach (Unit unit in asked)
            {
                (int before, int hits) = _units.GetValueOrDefault(unit);
                bool its = noticed is not null && noticed.Contains(unit.Name, StringComparison.Ordinal);
                _units[unit] = (before + 1, hits + (its ? 1 : 0));
            }
        }
    }
}
