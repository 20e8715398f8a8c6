using System.Diagnostics;

namespace GuestMemFs.Arena;

/// <summary>Collects what an open does.</summary>
internal sealed class AttachSteps
{
    private readonly List<AttachStep> _steps = [];
    private long _since = Stopwatch.GetTimestamp();

    /// <summary>What was found so far.</summary>
    public List<AttachReason> Reasons { get; } = [];

    /// <summary>The steps so far.</summary>
    public IReadOnlyList<AttachStep> All => _steps;

    /// <summary>Ends a step: it took from the end of the one before it until now.</summary>
    public void End(string name)
    {
        long now = Stopwatch.GetTimestamp();
        _steps.Add(new AttachStep(name, Stopwatch.GetElapsedTime(_since, now)));
        _since = now;
    }
}
