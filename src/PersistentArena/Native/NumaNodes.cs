using System.Globalization;

namespace GuestMemFs.Native;

/// <summary>The machine's NUMA nodes.</summary>
internal static class NumaNodes
{
    /// <summary>The nodes that have memory, as the kernel lists them; empty where it does not.</summary>
    public static IReadOnlyList<int> WithMemory()
    {
        try
        {
            return ReadList(File.ReadAllText("/sys/devices/system/node/has_memory"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Reads <c>0-3,8</c>.</summary>
    public static IReadOnlyList<int> ReadList(string text)
    {
        var nodes = new List<int>();
        foreach (string part in text.Trim().Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] ends = part.Split('-');
            int first = int.Parse(ends[0], CultureInfo.InvariantCulture);
            int last = int.Parse(ends[^1], CultureInfo.InvariantCulture);
            nodes.AddRange(Enumerable.Range(first, last - first + 1));
        }

        return nodes;
    }
}
