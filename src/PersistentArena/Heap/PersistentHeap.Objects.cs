using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs;

// Objects of the application's own: a root, and whatever hangs on it by Offset fields.
public sealed unsafe partial class PersistentHeap
{
    private const int ObjectHeader = sizeof(ulong);

    private readonly Lock _objectLock = new();

    /// <summary>
    /// Opens the root of that name (1 to 31 bytes of UTF-8), or creates it with <paramref name="initial"/>.
    /// </summary>
    /// <exception cref="HeapLayoutException">There is a root of that name with other fields.</exception>
    /// <exception cref="HeapRootsFullException">All 64 roots are taken.</exception>
    public PersistentRoot<T> OpenOrCreateRoot<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicFields
        | DynamicallyAccessedMemberTypes.NonPublicFields)] T>(string name, in T initial = default)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(name);
        ulong layout = LayoutHash.Of<T>();
        if (FindRoot(name, layout) == 0)
        {
            byte[] value = MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in initial)).ToArray();
            long size = ObjectHeader + Unsafe.SizeOf<T>();
            CreateRoot(name, new RootForm(layout, size, BlockHeader.Sized(BlockHeader.TypeBlob, size)),
                block => Persist.Copy(_base + block + ObjectHeader, value));
        }

        return new PersistentRoot<T>(this, new HeapRoots(_space).Find(NameBytes(name), out _));
    }

    /// <summary>The object that an offset points to. The reference is good until the object is replaced.</summary>
    /// <exception cref="ArgumentException">It points to nothing, or not to an object of that size.</exception>
    public ref readonly T Read<T>(Offset<T> offset)
        where T : unmanaged => ref *(T*)Payload(offset.Value, Unsafe.SizeOf<T>(), exactly: true);

    /// <summary>The bytes that an offset points to. The span is good until they are replaced.</summary>
    public ReadOnlySpan<byte> ReadBytes(Offset<byte> offset) =>
        offset.IsNone ? [] : new(Payload(offset.Value, 0, exactly: false),
            (int)(BlockHeader.SizeOf(*(ulong*)(_base + offset.Value)) - ObjectHeader));

    /// <summary>
    /// Allocates an object, makes <paramref name="field"/> point to it and frees what it pointed to, all with one
    /// store: after a crash the field has the old object or the new one, and nothing has leaked.
    /// </summary>
    /// <param name="field">A field of an object in this heap.</param>
    /// <param name="value">What the new object holds.</param>
    /// <exception cref="ArgumentException">The field does not lie in this heap.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; nothing was changed.</exception>
    public void Put<T>(in Offset<T> field, in T value)
        where T : unmanaged
    {
        fixed (T* bytes = &value)
        {
            Replace(FieldOffset(field), new ReadOnlySpan<byte>(bytes, sizeof(T)), allocate: true);
        }
    }

    /// <summary>As <see cref="Put{T}(in Offset{T}, in T)"/>, for bytes: up to 512 MB.</summary>
    public void PutBytes(in Offset<byte> field, ReadOnlySpan<byte> value) =>
        Replace(FieldOffset(field), value, allocate: true);

    /// <summary>
    /// Makes a field point to nothing and frees what it pointed to (not what hangs on that: free it first, from the
    /// leaves).
    /// </summary>
    public void Free<T>(in Offset<T> field)
        where T : unmanaged => Replace(FieldOffset(field), [], allocate: false);

    internal void Replace(long slot, ReadOnlySpan<byte> value, bool allocate)
    {
        if (value.Length > MaximumBlockLength - ObjectHeader)
        {
            throw new ArgumentException($"An object has at most {MaximumBlockLength - ObjectHeader:N0} bytes; this " +
                $"one has {value.Length:N0}. Split it.", nameof(value));
        }

        Lane lane = TakeLane();
        try
        {
            long block = allocate ? TakeMakingRoom(lane, ObjectHeader + value.Length) : 0;
            lock (_objectLock)
            {
                Replace(lane, slot, value, block);
            }
        }
        finally
        {
            ReleaseLane(lane);
        }
    }

    private void Replace(Lane lane, long slot, ReadOnlySpan<byte> value, long block)
    {
        long size = ObjectHeader + value.Length;
        long old = WordAt(slot);
        long oldSize = old == 0 ? 0 : SizeOfObject(old, slot);
        if (block != 0)
        {
            lane.BeginFill(block);
            Persist.Copy(_base + block + ObjectHeader, value);
        }

        if (lane.InGroup && (old | block) != 0)
        {
            AppendToGroup(lane, new GroupEntry(old, block, slot | GroupEntry.OfWord), size);
        }

        Intent intent = new() { Slot = slot, Value = WordFor(slot, block), New = block, Old = lane.InGroup ? 0 : old };
        lane.Begin(intent);
        if (block != 0)
        {
            Persist.Publish((ulong*)(_base + block), BlockHeader.Sized(BlockHeader.TypeBlob, size));
        }

        Persist.Publish((ulong*)(_base + slot), intent.Value); // COMMIT POINT: object
        lane.Finish(intent);
        if (intent.Old != 0)
        {
            Blocks.Give(lane, old, oldSize);
        }
    }

    private void AppendToGroup(Lane lane, in GroupEntry entry, long size)
    {
        try
        {
            Groups.Append(lane, entry);
        }
        catch (ArenaOutOfSpaceException)
        {
            if (entry.New != 0)
            {
                lane.Discard(entry.New);
                Blocks.Give(lane, entry.New, size);
            }

            throw;
        }
    }

    /// <summary>Undoes a change of a group, where it happened and was not undone before.</summary>
    internal void RevertWord(Lane lane, in GroupEntry entry)
    {
        long slot = entry.Word;
        if (!Guard.Holds((slot & 7) == 0 && slot >= HeapFormat.RootsOffset && slot <= _space.Length - sizeof(ulong)))
        {
            throw new HeapDamagedException(_space.Name, slot, "a group's log names a word outside the heap");
        }

        if (*(ulong*)(_base + slot) != WordFor(slot, entry.New) || entry.Old == entry.New)
        {
            return;
        }

        long size = entry.New == 0 ? 0 : SizeOfObject(entry.New, slot);
        Intent intent = new() { Slot = slot, Value = WordFor(slot, entry.Old), Old = entry.New };
        lane.Begin(intent);
        Persist.Publish((ulong*)(_base + slot), intent.Value); // COMMIT POINT: object back
        lane.Finish(intent);
        if (entry.New != 0)
        {
            Blocks.Give(lane, entry.New, size);
        }
    }

    /// <summary>The object that a word leads to; 0 for none.</summary>
    private long WordAt(long slot) => HeapRoots.IsRoot(slot) ? new HeapRoots(_space).Follow(slot)
        : *(long*)(_base + slot);

    private static ulong WordFor(long slot, long block) =>
        HeapRoots.IsRoot(slot) ? SealedOffset.Seal(block, slot) : (ulong)block;

    internal byte* Payload(long offset, int length, bool exactly)
    {
        ThrowIfGone();
        long held = HeldBy(offset);
        if (held >= 0 && (!exactly || held == length))
        {
            return _base + offset + ObjectHeader;
        }

        ThrowIfGone();
        throw new ArgumentException($"Offset {offset} in the heap of region '{_space.Name}' is no object of {length} " +
            "bytes. It was freed, or is another heap's.", nameof(offset));
    }

    /// <summary>The root object of that size that a word leads to.</summary>
    internal byte* RootPayload(long slot, int length)
    {
        long offset;
        try
        {
            offset = new HeapRoots(_space).Follow(slot);
            if (HeldBy(offset) == length)
            {
                return _base + offset + ObjectHeader;
            }
        }
        catch (HeapDamagedException)
        {
            ThrowIfGone();
            throw;
        }

        ThrowIfGone();
        throw new HeapDamagedException(_space.Name, offset,
            $"a root leads here, where there is no object of {length} bytes");
    }

    /// <summary>How many bytes an object holds, or -1 where the offset leads to none.</summary>
    private long HeldBy(long offset)
    {
        long length = _space.Length;
        if (offset > length - SizeClasses.Granule)
        {
            length = _space.Follow();
        }

        if (!Guard.Holds(offset >= HeapFormat.FirstPage << HeapFormat.PageShift
            && offset <= length - SizeClasses.Granule) || (offset & (SizeClasses.Granule - 1)) != 0)
        {
            return -1;
        }

        ulong header = *(ulong*)(_base + offset);
        long held = BlockHeader.SizeOf(header) - ObjectHeader;
        return Guard.Holds(BlockHeader.TypeOf(header) == BlockHeader.TypeBlob && held >= 0
            && held <= length - offset - ObjectHeader && held <= MaximumBlockLength) ? held : -1;
    }

    private long SizeOfObject(long offset, long slot) =>
        HeldBy(offset) is >= 0 and var held
            ? held + ObjectHeader
            : throw new HeapDamagedException(_space.Name, slot, $"a field leads to {offset}, where there is no object");

    private long FieldOffset<T>(in Offset<T> field)
        where T : unmanaged
    {
        fixed (Offset<T>* at = &field)
        {
            long offset = (byte*)at - _base;
            return offset >= HeapFormat.FirstPage << HeapFormat.PageShift && offset + sizeof(ulong) <= _space.Length
                && (offset & 7) == 0
                ? offset
                : throw new ArgumentException($"The field does not lie in the heap of region '{_space.Name}', or is " +
                    "not aligned to 8 bytes. Pass a field of an object read from this heap by reference, not a copy.",
                    nameof(field));
        }
    }
}

/// <summary>A named object that a heap's other objects hang on.</summary>
public readonly unsafe struct PersistentRoot<T>
    where T : unmanaged
{
    private readonly PersistentHeap _heap;
    private readonly long _slot;

    internal PersistentRoot(PersistentHeap heap, long slot)
    {
        _heap = heap;
        _slot = slot;
    }

    /// <summary>
    /// The object, where it lies: its <see cref="Offset{T}"/> fields can be given to
    /// <see cref="PersistentHeap.Put{T}"/>. Good until the next <see cref="Set"/>.
    /// </summary>
    public ref readonly T Value => ref *(T*)_heap.RootPayload(_slot, Unsafe.SizeOf<T>());

    /// <summary>Replaces the whole object with one store; what its fields point to stays.</summary>
    public void Set(in T value)
    {
        fixed (T* bytes = &value)
        {
            _heap.Replace(_slot, new ReadOnlySpan<byte>(bytes, sizeof(T)), allocate: true);
        }
    }
}
