using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using GuestMemFs.Native;

namespace GuestMemFs;

/// <summary>How memory is taken from NUMA nodes. The numbers are the kernel's.</summary>
public enum NumaMode
{
    /// <summary>From the node of the processor that touches it first.</summary>
    Local,

    /// <summary>From one node, and from others where that has none.</summary>
    Preferred,

    /// <summary>From these nodes and no other: a write that finds none there fails as on a full medium, or the process
    /// is killed.</summary>
    Bind,

    /// <summary>From these nodes in turn, page by page.</summary>
    Interleave,
}

/// <summary>From which NUMA nodes a region's memory is taken.</summary>
/// <remarks>
/// For memory that is taken from then on: what is there stays where it is. On tmpfs and in memfds the kernel keeps it
/// with the file, so that it holds for other processes too until the file goes, or the kernel does; on other media it
/// is the mapping's. It is not part of the arena's format: a writer states it each time.
/// </remarks>
public sealed class NumaPolicy : IEquatable<NumaPolicy>
{
    private NumaPolicy(NumaMode mode, IEnumerable<int> nodes)
    {
        Mode = mode;
        Nodes = [.. nodes.Distinct().Order()];
    }

    /// <summary>How.</summary>
    public NumaMode Mode { get; }

    /// <summary>The nodes, by their numbers.</summary>
    public IReadOnlyList<int> Nodes { get; }

    /// <summary>From these nodes and no other.</summary>
    public static NumaPolicy Bind(params IReadOnlyList<int> nodes) => Some(NumaMode.Bind, nodes);

    /// <summary>From these nodes in turn.</summary>
    public static NumaPolicy Interleave(params IReadOnlyList<int> nodes) => Some(NumaMode.Interleave, nodes);

    /// <summary>From this node as long as it has any.</summary>
    public static NumaPolicy Preferred(int node) => Some(NumaMode.Preferred, [node]);

    /// <summary>Reads <c>bind:0-1</c>, <c>interleave:0,2</c>, <c>preferred:1</c>.</summary>
    /// <param name="text">What <see cref="ToString"/> writes; nodes up to 1023.</param>
    /// <param name="policy">The policy; null where it is none.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out NumaPolicy? policy)
    {
        ArgumentNullException.ThrowIfNull(text);
        policy = null;
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0 || NumaNodes.TryReadList(text[(colon + 1)..]) is not [var first, ..] nodes)
        {
            return false;
        }

        policy = text[..colon] switch
        {
            "bind" => Bind(nodes),
            "interleave" => Interleave(nodes),
            "preferred" when nodes.Count == 1 => Preferred(first),
            _ => null,
        };
        return policy is not null;
    }

    /// <inheritdoc/>
    public bool Equals(NumaPolicy? other) =>
        other is not null && Mode == other.Mode && Nodes.SequenceEqual(other.Nodes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as NumaPolicy);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Mode, Nodes.Count, Nodes.Count > 0 ? Nodes[0] : -1);

    /// <summary>As the kernel writes it: <c>bind:0-1</c>.</summary>
    public override string ToString()
    {
        var text = new StringBuilder(Mode.ToString().ToLowerInvariant());
        for (int i = 0; i < Nodes.Count; i++)
        {
            int first = i;
            while (i + 1 < Nodes.Count && Nodes[i + 1] == Nodes[i] + 1)
            {
                i++;
            }

            text.Append(first == 0 ? ':' : ',').Append(CultureInfo.InvariantCulture, $"{Nodes[first]}");
            _ = i == first ? text : text.Append(CultureInfo.InvariantCulture, $"-{Nodes[i]}");
        }

        return text.ToString();
    }

    /// <summary>What the kernel says.</summary>
    internal static NumaPolicy Of(NumaMode mode, IEnumerable<int> nodes) => new(mode, nodes);

    private static NumaPolicy Some(NumaMode mode, IReadOnlyList<int> nodes)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        ArgumentOutOfRangeException.ThrowIfZero(nodes.Count, nameof(nodes));
        foreach (int node in nodes)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(node, nameof(nodes));
        }

        return new NumaPolicy(mode, nodes);
    }
}
