namespace GuestMemFs.ScheduleLab;

/// <summary>What schedules of one collection are made of: where they begin, and what a thread does.</summary>
internal sealed record ScenarioTable(Beginning[] Beginnings, Script[] Scripts)
{
    /// <summary>Whether changes are for one thread at a time.</summary>
    public bool HasOneWriter { get; init; }

    /// <summary>Every beginning with every two scripts of which one writes, and both where that is allowed.</summary>
    public IEnumerable<Scenario> Pairs() =>
        from beginning in Beginnings
        from i in Enumerable.Range(0, Scripts.Length)
        from j in Enumerable.Range(i, Scripts.Length - i)
        let pair = new Scenario(beginning, Scripts[i], Scripts[j])
        where !pair.OnlyReads && (!HasOneWriter || pair.Threads.Any(script => script.Reads))
        select pair;

    /// <summary>A reader, and a writer that dies under it.</summary>
    public IEnumerable<Scenario> Deaths(string[] beginnings, string[] readers, string[] writers) =>
        from beginning in Beginnings
        where beginnings.Contains(beginning.Name)
        from reader in Scripts
        where readers.Contains(reader.Name)
        from writer in Scripts
        where writers.Contains(writer.Name)
        select new Scenario(beginning, reader, writer);
}
