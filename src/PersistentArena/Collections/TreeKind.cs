using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// What a root with a tree of sorted records is, by the hash of its layout: a sorted map, or a collection that is a
/// thin layer over one. Opened as another kind, a root is refused.
/// </summary>
/// <param name="Layout">The root's layout hash.</param>
/// <param name="Feature">What a library has to know that opens a heap with one.</param>
internal sealed record TreeKind(ulong Layout, ulong Feature)
{
    public static readonly TreeKind SortedMap = new(TreeRoot.Layout, HeapFormat.SortedMaps);

    public static readonly TreeKind List = new(0x0001_5453_494C_4D47, HeapFormat.TreeKinds);

    public static readonly TreeKind Set = new(0x0001_5354_4553_4D47, HeapFormat.TreeKinds);

    public static readonly TreeKind PriorityQueue = new(0x0001_5149_5250_4D47, HeapFormat.TreeKinds);

    public static readonly TreeKind Bytes = new(0x0001_4554_5942_4D47, HeapFormat.TreeKinds);

    public static readonly TreeKind Bitmap = new(0x0001_5354_4942_4D47, HeapFormat.TreeKinds);

    private static readonly TreeKind[] s_all = [SortedMap, List, Set, PriorityQueue, Bytes, Bitmap];

    /// <summary>The kind with that layout; null for none.</summary>
    public static TreeKind? Of(ulong layout) => Array.Find(s_all, kind => kind.Layout == layout);

    /// <summary>True for the layout of any of them.</summary>
    public static bool Is(ulong layout) => Of(layout) is not null;
}
