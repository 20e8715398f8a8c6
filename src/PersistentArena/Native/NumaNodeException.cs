using System.Globalization;

namespace GuestMemFs;

/// <summary>A NUMA node is not there, or the kernel does not let this process take memory from it.</summary>
public sealed class NumaNodeException : ArenaException
{
    internal NumaNodeException(string region, NumaPolicy asked, IReadOnlyList<int> there, int errno = 0)
        : base(
            ReasonCodes.NumaNode,
            $"Memory of region '{region}' was to be taken by {asked}, and the nodes with memory are " +
            $"{(there.Count == 0 ? "not told by the kernel" : string.Join(",", there))}" +
            (errno == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $" (mbind: errno {errno})")) +
            ". Nothing was changed. Name nodes that are there (/sys/devices/system/node) and that the process may " +
            "use (cpuset), or none.")
    {
        Requested = asked;
        Nodes = there;
    }

    /// <summary>What was asked for.</summary>
    public NumaPolicy Requested { get; }

    /// <summary>The nodes that have memory.</summary>
    public IReadOnlyList<int> Nodes { get; }
}
