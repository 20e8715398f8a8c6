namespace GuestMemFs.Cli.Facts;

/// <summary>A named entry of a heap.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Records">Records, where it is a dictionary.</param>
/// <param name="RecordBytes">What their blocks take.</param>
/// <param name="Expiring">How many of them carry an expiry time.</param>
/// <param name="Shape">What it holds, in words: a struct's fields, or the forms of keys and values.</param>
internal sealed record RootFacts(string Name, long? Records, long? RecordBytes, long? Expiring, string? Shape);

/// <summary>What a heap says of itself, as far as that needs no walk.</summary>
/// <param name="Frontier">Bytes that were handed out at least once; the rest is fresh.</param>
/// <param name="Roots">Its named entries.</param>
internal sealed record HeapFacts(long Frontier, IReadOnlyList<RootFacts> Roots)
{
    /// <summary>Reads a region's heap; null where the region never held one.</summary>
    /// <exception cref="HeapDamagedException">Its header, or what a root leads to, does not check.</exception>
    public static HeapFacts? Read(ArenaInspection inspection, string region)
    {
        if (inspection.ReadHeap(region) is not { } heap)
        {
            return null;
        }

        ArenaException? problem = heap.Refusal ?? heap.Roots.FirstOrDefault(root => root.Problem is not null)?.Problem;
        return problem is null ? new HeapFacts(heap.FrontierBytes, [.. heap.Roots.Select(Root)]) : throw problem;
    }

    private static RootFacts Root(HeapRootSnapshot root) =>
        new(root.Name, root.Dictionary?.Records, root.Dictionary?.RecordBytes, root.Dictionary?.Expiring,
            root.Shape);
}
