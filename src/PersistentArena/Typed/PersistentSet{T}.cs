using System.Collections;
using System.Diagnostics.CodeAnalysis;
using GuestMemFs.Typed;

namespace GuestMemFs;

/// <summary>A <see cref="PersistentSet"/> of one type, which <see cref="PersistentCollections"/> opens.</summary>
/// <remarks>
/// Thread-safe. Two members are one where their bytes are. They are in the order of their bytes, which is their own
/// where the serializer keeps it (<see cref="PersistentSerializers"/>).
/// </remarks>
/// <typeparam name="T">The members' type.</typeparam>
public sealed class PersistentSet<T> : IEnumerable<T>
    where T : notnull
{
    private readonly IPersistentSerializer<T> _serializer;

    internal PersistentSet(PersistentSet bytes, IPersistentSerializer<T> serializer)
    {
        Bytes = bytes;
        _serializer = serializer;
    }

    /// <summary>The set of bytes that holds it. What is added there has to have the serializer's form.</summary>
    public PersistentSet Bytes { get; }

    /// <summary>The number of members.</summary>
    public long Count => Bytes.Count;

    /// <inheritdoc cref="PersistentSet.Add"/>
    public bool Add(T member)
    {
        using var bytes = Scratch.Of(_serializer, member);
        return Bytes.Add(bytes.Written);
    }

    /// <inheritdoc cref="PersistentSet.Remove"/>
    public bool Remove(T member)
    {
        using var bytes = Scratch.Of(_serializer, member);
        return Bytes.Remove(bytes.Written);
    }

    /// <inheritdoc cref="PersistentSet.Contains"/>
    public bool Contains(T member)
    {
        using var bytes = Scratch.Of(_serializer, member);
        return Bytes.Contains(bytes.Written);
    }

    /// <inheritdoc cref="PersistentSet.TryGetRandom"/>
    public bool TryGetRandom([MaybeNullWhen(false)] out T member) =>
        Convert(Bytes.TryGetRandom(out byte[]? bytes), bytes, out member);

    /// <inheritdoc cref="PersistentSet.TryRemoveRandom"/>
    public bool TryRemoveRandom([MaybeNullWhen(false)] out T member) =>
        Convert(Bytes.TryRemoveRandom(out byte[]? bytes), bytes, out member);

    /// <inheritdoc cref="PersistentSet.Clear"/>
    public long Clear() => Bytes.Clear();

    /// <summary>The members that this set has, or any of the others, without a copy of them.</summary>
    public IEnumerable<T> Union(params PersistentSet<T>[] others) =>
        Elements.Each(() => PersistentSet.Union(BytesOf(others)), _serializer);

    /// <summary>The members that this set has and all of the others.</summary>
    public IEnumerable<T> Intersection(params PersistentSet<T>[] others) =>
        Elements.Each(() => PersistentSet.Intersection(BytesOf(others)), _serializer);

    /// <summary>The members that this set has and none of the others.</summary>
    public IEnumerable<T> Difference(params PersistentSet<T>[] others) =>
        Elements.Each(() => PersistentSet.Difference(BytesOf(others)), _serializer);

    /// <summary>All members, in the order of their bytes.</summary>
    public IEnumerator<T> GetEnumerator() => Elements.Each(() => Bytes.Scan(), _serializer).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private PersistentSet[] BytesOf(PersistentSet<T>[] others) => [Bytes, .. others.Select(set => set.Bytes)];

    private bool Convert(bool found, byte[]? bytes, [MaybeNullWhen(false)] out T member)
    {
        member = found ? _serializer.Read(bytes) : default;
        return found;
    }
}
