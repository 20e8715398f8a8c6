namespace GuestMemFs.Collections;

/// <summary>The way from the topmost node to a leaf: the branches, and which child of each.</summary>
internal unsafe struct TreePath
{
    private fixed long _branches[TreeNode.MaximumLevel];
    private fixed ulong _shapes[TreeNode.MaximumLevel];
    private fixed int _indexes[TreeNode.MaximumLevel];
    private byte* _base;

    /// <summary>How many branches there are.</summary>
    public int Depth { get; private set; }

    public TreeNode Leaf { get; private set; }

    public readonly TreeNode Branch(int depth) => new(_base, _branches[depth], _shapes[depth]);

    public readonly int Index(int depth) => _indexes[depth];

    /// <summary>A branch, or the leaf at <see cref="Depth"/>.</summary>
    public readonly TreeNode Node(int depth) => depth == Depth ? Leaf : Branch(depth);

    public void Begin(byte* start)
    {
        _base = start;
        Depth = 0;
    }

    public void Add(in TreeNode branch, int index)
    {
        _branches[Depth] = branch.Offset;
        _shapes[Depth] = branch.Shape;
        _indexes[Depth++] = index;
    }

    public void End(in TreeNode leaf) => Leaf = leaf;

    /// <summary>Goes back up to the branch at a depth, whose next child is to be added.</summary>
    public void BackTo(int depth) => Depth = depth;

    /// <summary>
    /// The depth of the branch whose next child bounds the node at a depth from above; -1 where nothing does.
    /// </summary>
    public readonly int DepthOfNext(int depth)
    {
        for (int i = depth - 1; i >= 0; i--)
        {
            if (_indexes[i] + 1 < Branch(i).Count)
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>
    /// The depth of the branch whose child before the path's leads down to the leaf before; -1 for the first leaf.
    /// </summary>
    public readonly int DepthOfBefore()
    {
        int depth = Depth - 1;
        while (depth >= 0 && _indexes[depth] == 0)
        {
            depth--;
        }

        return depth;
    }
}
