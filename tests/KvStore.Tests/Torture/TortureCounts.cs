using System.Globalization;

namespace KvStore.Tests.Torture;

/// <summary>What a torture did and survived.</summary>
internal sealed record TortureCounts
{
    /// <summary>SIGKILLs while operations were coming in.</summary>
    public int KillsUnderLoad { get; init; }

    /// <summary>SIGKILLs, of those, after which some operations were in flight.</summary>
    public int KillsInFlight { get; init; }

    /// <summary>SIGKILLs between the start of the process and its word that it is ready, or soon after it.</summary>
    public int KillsAtStart { get; init; }

    /// <summary>SIGKILLs, of those, of a process that had mapped the arena and was not ready yet.</summary>
    public int KillsInRecovery { get; init; }

    /// <summary>Ends by the kernel, for want of memory.</summary>
    public int KillsByKernel { get; init; }

    /// <summary>Operations that were acknowledged, and not lost.</summary>
    public long Acknowledged { get; init; }

    /// <summary>Commands that found no room.</summary>
    public long Refused { get; init; }

    /// <summary>Steps that had come true without being acknowledged.</summary>
    public long Unacknowledged { get; init; }

    public int Kills => KillsUnderLoad + KillsAtStart + KillsByKernel;

    public static TortureCounts operator +(TortureCounts a, TortureCounts b) => new()
    {
        KillsUnderLoad = a.KillsUnderLoad + b.KillsUnderLoad,
        KillsInFlight = a.KillsInFlight + b.KillsInFlight,
        KillsAtStart = a.KillsAtStart + b.KillsAtStart,
        KillsInRecovery = a.KillsInRecovery + b.KillsInRecovery,
        KillsByKernel = a.KillsByKernel + b.KillsByKernel,
        Acknowledged = a.Acknowledged + b.Acknowledged,
        Refused = a.Refused + b.Refused,
        Unacknowledged = a.Unacknowledged + b.Unacknowledged,
    };

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Kills:N0} kills survived ({KillsUnderLoad:N0} under load, {KillsInFlight:N0} of them with operations in " +
        $"flight; {KillsAtStart:N0} at a start, {KillsInRecovery:N0} of them during the recovery"
        + $"{(KillsByKernel > 0 ? $"; {KillsByKernel:N0} by the kernel" : "")}), {Acknowledged:N0} acknowledged " +
        $"operations, {Refused:N0} refused for want of room");
}
