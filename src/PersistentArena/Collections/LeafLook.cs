namespace GuestMemFs.Collections;

/// <summary>What a reader saw of a leaf before it looked into it.</summary>
internal readonly unsafe struct LeafLook
{
    private readonly TreeNode _leaf;
    private readonly ulong _version;

    public LeafLook(in TreeNode leaf)
    {
        _leaf = leaf;
        _version = Volatile.Read(ref *leaf.VersionWord);
        IsAtLeaf = true;
    }

    /// <summary>False where no leaf was found.</summary>
    public bool IsAtLeaf { get; }

    /// <summary>
    /// True where the leaf has not changed since in a way that frees what was seen. What was read before is read before
    /// this; the tree's version, by which the leaf is one at all, has to be read after it.
    /// </summary>
    public bool IsStill
    {
        get
        {
            Volatile.ReadBarrier();
            bool still = !IsAtLeaf || *_leaf.VersionWord == _version;
            Volatile.ReadBarrier();
            return still;
        }
    }
}
