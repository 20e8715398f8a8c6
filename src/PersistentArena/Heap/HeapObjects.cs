using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>
/// What the words of an application's own lead to, each step checked: a root or a field, and the object that it names.
/// </summary>
internal sealed unsafe class HeapObjects(HeapState state)
{
    /// <summary>The bytes before an object's own: its block's header, which has its size.</summary>
    public const int HeaderLength = sizeof(ulong);

    private readonly byte* _base = state.Base;
    private readonly IHeapSpace _space = state.Space;

    /// <summary>The region's name, for messages.</summary>
    public string Region => _space.Name;

    /// <summary>An object's offset, where there is one of that size and it is no root's.</summary>
    /// <inheritdoc cref="Payload" path="/exception"/>
    public long Require<T>(Offset<T> offset)
        where T : unmanaged
    {
        Payload(offset.Value, sizeof(T), exactly: typeof(T) != typeof(byte), inUse: true);
        return !new HeapRoots(_space).IsObject(offset.Value) ? offset.Value
            : throw new ArgumentException($"Offset {offset.Value} in the heap of region '{_space.Name}' is a root's "
                + "object, which only its root leads to.", nameof(offset));
    }

    /// <summary>Where the object's bytes begin.</summary>
    /// <exception cref="ArgumentException">The offset leads to no object of that size.</exception>
    public byte* Payload(long offset, int length, bool exactly, bool inUse = false)
    {
        state.ThrowIfGone();
        long held = HeldBy(offset);
        if (held < 0 && !inUse && state.KeptObjects.TryFind(offset, out long kept))
        {
            held = kept - HeaderLength; // freed while a lease is open
        }

        if (held >= 0 && (!exactly || held == length))
        {
            return _base + offset + HeaderLength;
        }

        state.ThrowIfGone();
        throw new ArgumentException($"Offset {offset} in the heap of region '{_space.Name}' is no object of {length} " +
            "bytes. It was freed, or is another heap's.", nameof(offset));
    }

    /// <summary>All of an object's bytes.</summary>
    /// <inheritdoc cref="Payload" path="/exception"/>
    public ReadOnlySpan<byte> Bytes(long offset)
    {
        byte* payload = Payload(offset, 0, exactly: false);
        long held = HeldBy(offset);
        return new(payload, (int)(held >= 0 ? held
            : state.KeptObjects.TryFind(offset, out long kept) ? kept - HeaderLength : 0));
    }

    /// <summary>The root object of that size that an entry leads to.</summary>
    public byte* RootPayload(in RootEntry entry, int length)
    {
        long offset;
        try
        {
            RequireLive(entry);
            offset = new HeapRoots(_space).Follow(entry.Slot, SizeClasses.Granule);
            if (HeldBy(offset) == length)
            {
                return _base + offset + HeaderLength;
            }
        }
        catch (ArenaException)
        {
            state.ThrowIfGone();
            throw;
        }

        state.ThrowIfGone();
        throw new HeapDamagedException(_space.Name, offset,
            $"a root leads here, where there is no object of {length} bytes");
    }

    /// <exception cref="RootDeletedException">Its root was deleted.</exception>
    public void RequireLive(in RootEntry entry)
    {
        HeapRoots roots = new(_space);
        if (!roots.IsLive(entry.Slot) || roots.MarkOf(entry.Slot) != entry.Mark)
        {
            throw new RootDeletedException(_space.Name, entry.Name);
        }
    }

    /// <summary>The object that a word leads to; 0 for none.</summary>
    public long Follow(long slot) => new HeapRoots(_space).IsRoot(slot)
        ? new HeapRoots(_space).Follow(slot, SizeClasses.Granule)
        : *(long*)(_base + slot);

    /// <summary>The bytes that an object takes that a word leads to.</summary>
    /// <exception cref="HeapDamagedException">There is no object.</exception>
    public long SizeOf(long offset, long slot) =>
        HeldBy(offset) is >= 0 and var held
            ? held + HeaderLength
            : throw new HeapDamagedException(_space.Name, slot, $"a field leads to {offset}, where there is no object");

    /// <summary>Where a field lies.</summary>
    /// <exception cref="ArgumentException">Not in this heap.</exception>
    public long OffsetOf<T>(in Offset<T> field)
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

    /// <summary>True where an object lies there, as far as its header says.</summary>
    public bool IsObject(long offset) => HeldBy(offset) >= 0;

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
        long held = BlockHeader.SizeOf(header) - HeaderLength;
        return Guard.Holds(BlockHeader.TypeOf(header) == BlockHeader.TypeBlob && held >= 0
            && held <= length - offset - HeaderLength && held <= HeapFormat.MaximumBlock) ? held : -1;
    }
}

/// <summary>Where a root was found.</summary>
/// <param name="Slot">The word that leads to its object.</param>
/// <param name="Mark">What its entry said of its name and its layout.</param>
/// <param name="Name">Its name.</param>
internal readonly record struct RootEntry(long Slot, ulong Mark, string Name);
