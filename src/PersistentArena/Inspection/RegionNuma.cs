namespace GuestMemFs;

/// <summary>From which NUMA nodes a region's memory is taken, and where it lies: as the kernel says it.</summary>
/// <param name="Policy">
/// What is in force for memory that is taken from now on. Null where only the process that has set it knows: elsewhere
/// than on tmpfs and in memfds it belongs to that process's mapping, and its attach report says it.
/// </param>
/// <param name="Nodes">The nodes that pages lie on; empty where the kernel does not tell.</param>
/// <remarks>Of a large region a sample of pages at even distances was looked at.</remarks>
public sealed record RegionNuma(NumaPolicy? Policy, IReadOnlyList<NodeShare> Nodes)
{
    /// <summary>True where pages lie on nodes that the policy does not name: they were taken before it.</summary>
    public bool HasPagesElsewhere => Policy is { Mode: NumaMode.Bind or NumaMode.Interleave } policy
        && Nodes.Any(share => !policy.Nodes.Contains(share.Node));
}

/// <summary>What lies on a NUMA node.</summary>
/// <param name="Node">Its number.</param>
/// <param name="Pages">How many of the pages that were looked at.</param>
public readonly record struct NodeShare(int Node, int Pages);
