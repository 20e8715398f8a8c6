namespace GuestMemFs;

/// <summary>
/// A pointer within a heap: 8 bytes, to be a field of an object that lies in the heap. It holds an offset, so it stays
/// right wherever the region is mapped.
/// </summary>
/// <typeparam name="T">What it points to; <see cref="byte"/> for bytes of any length.</typeparam>
public readonly record struct Offset<T>
    where T : unmanaged
{
    internal Offset(long value) => Value = value;

    /// <summary>Bytes from the region's start, or 0 for nothing.</summary>
    public long Value { get; }

    /// <summary>True where it points to nothing.</summary>
    public bool IsNone => Value == 0;

    /// <summary>
    /// The same pointer, to what is known to be a <typeparamref name="TOther"/>. For two structs that point to each
    /// other: the runtime cannot load generic structs over one another, so one of the fields is an <c>Offset</c> of
    /// <see cref="byte"/>.
    /// </summary>
    public Offset<TOther> As<TOther>()
        where TOther : unmanaged => new(Value);
}
