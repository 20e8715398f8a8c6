using System.Globalization;

namespace GuestMemFs.Native;

/// <summary>The machine's NUMA nodes.</summary>
internal static class NumaNodes
{
    /// <summary>More than a kernel knows: CONFIG_NODES_SHIFT is at most 10.</summary>
    public const int Most = 1024;

    /// <summary>The nodes that have memory, as the kernel lists them; empty where it does not.</summary>
    public static IReadOnlyList<int> WithMemory()
    {
        try
        {
            return TryReadList(File.ReadAllText("/sys/devices/system/node/has_memory").Trim()) ?? [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Reads <c>0-3,8</c>; null where it is no list of nodes.</summary>
    public static IReadOnlyList<int>? TryReadList(string text)
    {
        var nodes = new List<int>();
        foreach (string part in text.Split(','))
        {
            int dash = part.IndexOf('-', StringComparison.Ordinal);
            if (!TryReadNode(dash < 0 ? part : part[..dash], out int first)
                || !TryReadNode(part[(dash + 1)..], out int last) || last < first)
            {
                return null;
            }

            nodes.AddRange(Enumerable.Range(first, last - first + 1));
        }

        return nodes;
    }

    private static bool TryReadNode(string text, out int node) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out node) && node < Most;
}
