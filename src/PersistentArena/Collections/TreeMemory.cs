using System.Runtime.CompilerServices;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// What the words of a sorted map lead to, each step checked. A reader without a lock may be led anywhere by memory
/// that is in other use meanwhile: false then, and where nothing changed meanwhile it is damage.
/// </summary>
internal sealed unsafe class TreeMemory(PersistentHeap heap, TreeRoot root, RootLife life = default)
{
    private readonly byte* _base = heap.Base;
    private readonly HeapState _heap = heap.State;
    private long _length = heap.Space.Length;

    private RootLife _life = life;

    public PersistentHeap Heap => heap;

    public TreeRoot Root => root;

    public byte* At(long offset) => _base + offset;

    public long OffsetOf(void* at) => (byte*)at - _base;

    /// <summary>
    /// Changes before any node can be used again. Both words only rise, so their sum is the same where both are.
    /// </summary>
    public ulong Version
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Volatile.Read(ref *root.VersionWord) + _life.Recovered;
    }

    public bool TryTop(out TreeNode node) =>
        TryNode(Volatile.Read(ref *root.NodeWord), root.Offset + TreeRoot.NodeOffset, out node)
        && Guard.Holds(node.Level <= TreeNode.MaximumLevel);

    /// <summary>A child of a branch: a node of the level below, so that every way down ends.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryChild(in TreeNode branch, int index, out TreeNode child) =>
        TryNode(Volatile.Read(ref *branch.ChildWord(index)), branch.ChildPlace(index), out child)
            && Guard.Holds(child.Level == branch.Level - 1);

    /// <summary>The record that a slot of a leaf leads to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryRecord(in TreeNode leaf, int slot, out byte* record, out ulong header)
    {
        bool intact = SealedOffset.TryOpen(
            Volatile.Read(ref *leaf.RecordWord(slot)), leaf.RecordPlace(slot), out long offset);
        return TryRecord(Guard.Holds(intact) ? offset : 0, out record, out header);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryRecord(long offset, out byte* record, out ulong header)
    {
        record = _base + offset;
        header = 0;
        if (!Guard.Holds(IsInside(offset, sizeof(ulong))))
        {
            return false;
        }

        header = Volatile.Read(ref *(ulong*)record);
        return Guard.Holds(RecordFormat.IsIntact(header) && RecordFormat.IsRecord(header))
            && Guard.Holds(IsInside(offset, RecordFormat.Length(header)));
    }

    /// <summary>How many records a node has below it, or in it.</summary>
    public static bool TryTotal(in TreeNode node, out long total)
    {
        if (node.IsLeaf)
        {
            bool whole = node.TryOrder(out SlotOrder order);
            total = whole ? order.Count : 0;
            return whole;
        }

        total = (long)Volatile.Read(ref *node.TotalWord);
        return true;
    }

    /// <inheritdoc cref="HeapState.ThrowIfGone"/>
    /// <exception cref="RootDeletedException">The collection was deleted.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void ThrowIfGone()
    {
        _heap.ThrowIfGone();
        _ = _life.Recovered;
    }

    /// <summary>The collection was deleted: each look is told so from now on.</summary>
    public void End() => _life.End();

    /// <summary>What cannot be, where nothing changed meanwhile.</summary>
    /// <exception cref="ObjectDisposedException">The region was unmapped meanwhile: what does not check are zeros in
    /// its place.</exception>
    public HeapDamagedException Damaged(long offset, string what)
    {
        ThrowIfGone();
        return new(heap.Space.Name, offset, what);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryNode(ulong word, long place, out TreeNode node)
    {
        node = default;
        return Guard.Holds(SealedOffset.TryOpen(word, place, out long offset)) && TryNode(offset, out node);
    }

    /// <summary>The node at an offset.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryNode(long offset, out TreeNode node)
    {
        if (Guard.Holds(IsInside(offset, TreeNode.HeadLength)))
        {
            ulong* head = (ulong*)(_base + offset);
            if (Guard.Holds(SealedOffset.TryOpen(Volatile.Read(ref head[1]), offset + sizeof(ulong), out long shape)))
            {
                node = new TreeNode(_base, offset, (ulong)shape);
                return Guard.Holds(Volatile.Read(ref head[0]) == node.Header)
                    && Guard.Holds(IsInside(offset, node.Size));
            }
        }

        node = default;
        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsInside(long offset, long length) =>
        (offset > 0 && offset + length <= _length) || Regrown(offset, length);

    private bool Regrown(long offset, long length)
    {
        _length = heap.Space.Follow();
        return offset > 0 && offset + length <= _length;
    }
}
