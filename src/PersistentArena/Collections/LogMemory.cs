using System.Runtime.CompilerServices;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// What the words of a log lead to, each step checked. A reader without a lock may be led anywhere by memory that is in
/// other use meanwhile: false then, and where nothing changed meanwhile it is damage.
/// </summary>
internal sealed unsafe class LogMemory(PersistentHeap heap, LogRoot root, RootLife life = default)
{
    private readonly byte* _base = heap.Base;
    private readonly HeapState _heap = heap.State;
    private long _length = heap.Space.Length;

    private RootLife _life = life;

    public PersistentHeap Heap => heap;

    public LogRoot Root => root;

    public byte* At(long offset) => _base + offset;

    public long OffsetOf(void* at) => (byte*)at - _base;

    /// <summary>
    /// Changes before any block can be used again. Both words only rise, so their sum is the same where both are.
    /// </summary>
    public ulong Version
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Volatile.Read(ref *root.VersionWord) + _life.Recovered;
    }

    /// <summary>Tells readers that what they saw may be gone: before anything of it is free or written over.</summary>
    public void Bump() => Persist.Publish(root.VersionWord, *root.VersionWord + 1);

    /// <summary>The directory; one of offset 0 before the first entry.</summary>
    public bool TryDirectory(out LogDirectory directory)
    {
        directory = default;
        return root.TryDirectory(out long offset)
            && (offset == 0 || TryBlock(offset, BlockHeader.TypeLogDirectory, out long size)
                && Is(out directory, new LogDirectory(_base, offset, size)));
    }

    public bool TrySegment(in LogDirectory directory, int slot, out LogSegment segment)
    {
        segment = default;
        return directory.TrySlot(slot, out long offset) && TrySegment(offset, out segment);
    }

    public bool TrySegment(long offset, out LogSegment segment)
    {
        segment = default;
        return TryBlock(offset, BlockHeader.TypeLogSegment, out long size)
            && Is(out segment, new LogSegment(_base, offset, size));
    }

    /// <summary>The size of a block of that type that lies there.</summary>
    public bool TryBlock(long offset, byte type, out long size)
    {
        size = 0;
        if (!IsInside(offset, SizeClasses.Granule))
        {
            return false;
        }

        ulong header = Volatile.Read(ref *(ulong*)(_base + offset));
        size = BlockHeader.SizeOf(header);
        return BlockHeader.TypeOf(header) == type
            && size >= SizeClasses.Granule && size <= HeapFormat.MaximumBlock && IsInside(offset, size);
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

    /// <summary>As <see cref="Damaged(long, string)"/>, for what is not told more exactly.</summary>
    public HeapDamagedException Damaged() => Damaged(root.Offset, "what this log leads to does not check");

    private static bool Is<T>(out T to, T value)
        where T : struct
    {
        to = value;
        return true;
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
