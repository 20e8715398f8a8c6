using GuestMemFs.Holding;

namespace GuestMemFs.LiveUpdate.Kept;

/// <summary>
/// Looks ahead for arenas that the kernel is to keep: gets at them, and asks <see cref="LuoPreflight"/>.
/// </summary>
internal sealed class KeptPreflight(KeptArenas arenas, Func<LuoFacts> facts)
{
    /// <summary>What of the arenas and of what the kernel is told would lose memory.</summary>
    /// <param name="stores">Which.</param>
    /// <param name="next">The next kernel.</param>
    /// <param name="mustBeFrozen">
    /// Which are to be frozen by now: one that is closed can be frozen here, one whose program takes part will be.
    /// </param>
    public IReadOnlyList<LiveUpdateFinding> Check(
        IReadOnlyList<string> stores, KernelSettings next, Func<ArenaMemory, bool> mustBeFrozen)
    {
        var findings = new List<LiveUpdateFinding>();
        List<(string Store, ArenaMemory Memory)> open = Gather(stores, findings);
        try
        {
            findings.AddRange(LuoPreflight.Check(open, next, facts()));
            findings.AddRange(open.Where(one => mustBeFrozen(one.Memory))
                .SelectMany(one => LuoPreflight.CheckFrozen(one.Store, one.Memory)));
            return findings;
        }
        finally
        {
            open.ForEach(one => one.Memory.Dispose());
        }
    }

    private List<(string Store, ArenaMemory Memory)> Gather(
        IReadOnlyList<string> stores, List<LiveUpdateFinding> findings)
    {
        var open = new List<(string Store, ArenaMemory Memory)>();
        foreach (string store in stores)
        {
            try
            {
                open.Add((store, arenas.Open(store)));
            }
            catch (Exception e) when (e is HoldingException or MediumException or ArenaException)
            {
                string remedy = "Look what gmfs hold has, and under which name.";
                findings.Add(new LiveUpdateFinding(true, store, e.Message, remedy));
            }
        }

        return open;
    }
}
