using System.Collections;
using System.Diagnostics.CodeAnalysis;
using GuestMemFs.Typed;

namespace GuestMemFs;

/// <summary>A <see cref="PersistentList"/> of one type, which <see cref="PersistentCollections"/> opens.</summary>
/// <remarks>
/// Thread-safe. Elements are copies: a change of an object that was read is a change of the object alone.
/// </remarks>
/// <typeparam name="T">The elements' type.</typeparam>
public sealed class PersistentList<T> : IEnumerable<T>
{
    private readonly IPersistentSerializer<T> _serializer;

    internal PersistentList(PersistentList bytes, IPersistentSerializer<T> serializer)
    {
        Bytes = bytes;
        _serializer = serializer;
    }

    /// <summary>The list of bytes that holds it. What is added there has to have the serializer's form.</summary>
    public PersistentList Bytes { get; }

    /// <summary>The number of elements.</summary>
    public long Count => Bytes.Count;

    /// <summary>Gets or sets the element with so many before it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is none.</exception>
    public T this[long index]
    {
        get => _serializer.Read(Bytes.Get(index));
        set
        {
            using var bytes = Scratch.Of(_serializer, value);
            Bytes.Set(index, bytes.Written);
        }
    }

    /// <inheritdoc cref="PersistentList.AddFirst"/>
    public void AddFirst(T element)
    {
        using var bytes = Scratch.Of(_serializer, element);
        Bytes.AddFirst(bytes.Written);
    }

    /// <inheritdoc cref="PersistentList.AddLast"/>
    public void AddLast(T element)
    {
        using var bytes = Scratch.Of(_serializer, element);
        Bytes.AddLast(bytes.Written);
    }

    /// <inheritdoc cref="PersistentList.Insert"/>
    public void Insert(long index, T element)
    {
        using var bytes = Scratch.Of(_serializer, element);
        Bytes.Insert(index, bytes.Written);
    }

    /// <inheritdoc cref="PersistentList.TryRemoveFirst(out byte[])"/>
    public bool TryRemoveFirst([MaybeNullWhen(false)] out T element) =>
        Convert(Bytes.TryRemoveFirst(out byte[]? bytes), bytes, out element);

    /// <inheritdoc cref="PersistentList.TryRemoveLast(out byte[])"/>
    public bool TryRemoveLast([MaybeNullWhen(false)] out T element) =>
        Convert(Bytes.TryRemoveLast(out byte[]? bytes), bytes, out element);

    /// <inheritdoc cref="PersistentList.TryGetFirst"/>
    public bool TryGetFirst([MaybeNullWhen(false)] out T element) =>
        Convert(Bytes.TryGetFirst(out byte[]? bytes), bytes, out element);

    /// <inheritdoc cref="PersistentList.TryGetLast"/>
    public bool TryGetLast([MaybeNullWhen(false)] out T element) =>
        Convert(Bytes.TryGetLast(out byte[]? bytes), bytes, out element);

    /// <inheritdoc cref="PersistentList.RemoveAt"/>
    public void RemoveAt(long index) => Bytes.RemoveAt(index);

    /// <inheritdoc cref="PersistentList.RemoveRange"/>
    public long RemoveRange(long index, long count) => Bytes.RemoveRange(index, count);

    /// <inheritdoc cref="PersistentList.Trim"/>
    public long Trim(long index, long count) => Bytes.Trim(index, count);

    /// <inheritdoc cref="PersistentList.Clear"/>
    public long Clear() => Bytes.Clear();

    /// <summary>All elements, the first one first.</summary>
    public IEnumerator<T> GetEnumerator() => Elements.Each(() => Bytes.Scan(), _serializer).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Up to so many elements from one on, towards the end.</summary>
    public IEnumerable<T> Range(long index, long count) => Elements.Each(() => Bytes.Scan(index, count), _serializer);

    /// <summary>All elements, the last one first.</summary>
    public IEnumerable<T> Descending() => Elements.Each(Bytes.ScanDescending, _serializer);

    private bool Convert(bool found, byte[]? bytes, [MaybeNullWhen(false)] out T element)
    {
        element = found ? _serializer.Read(bytes) : default;
        return found;
    }
}
