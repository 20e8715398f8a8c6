using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization.Metadata;
using GuestMemFs.Typed;

namespace GuestMemFs;

/// <summary>The serializers that come with the library. Thread-safe.</summary>
/// <remarks>
/// The forms of numbers, times, identifiers and texts keep their order: the bytes compare as the values do. Shapes and
/// forms are part of the format (docs/format.md).
/// </remarks>
public static class PersistentSerializers
{
    /// <summary>Bytes as they are.</summary>
    public static IPersistentSerializer<byte[]> Bytes { get; } = new BytesSerializer();

    /// <summary>
    /// Text in UTF-8, in the order of its code points. Text that is no valid UTF-16 is refused
    /// (<see cref="ArgumentException"/>).
    /// </summary>
    public static IPersistentSerializer<string> Text { get; } = new TextSerializer();

    /// <summary>
    /// The serializer of a type that needs no choice: integers of all sizes, <see cref="bool"/>, <see cref="char"/>,
    /// <see cref="float"/>, <see cref="double"/>, <see cref="Guid"/>, <see cref="DateTimeOffset"/>,
    /// <see cref="DateOnly"/>, <see cref="TimeSpan"/>, <see cref="string"/>, <c>byte[]</c>.
    /// </summary>
    /// <exception cref="NotSupportedException">
    /// It is another type: choose <see cref="Raw{T}"/>, <see cref="Json{T}"/>, <see cref="Pair{TFirst, TSecond}"/>, or
    /// an own one.
    /// </exception>
    public static IPersistentSerializer<T> Default<T>() => 
        (IPersistentSerializer<T>)(Scalars.Of(typeof(T)) ?? throw new NotSupportedException(
            $"There is no serializer that goes without saying for {typeof(T)}. Set one: "
            + "PersistentSerializers.Json(context) for objects, Raw<T>() for structs without references, "
            + "Pair(first, second) for composite keys, or an own IPersistentSerializer<T>."));

    /// <summary>
    /// A struct without references, as it lies in memory. Its shape names its fields: a field that is renamed, moved or
    /// of another type is another shape.
    /// </summary>
    /// <remarks>
    /// For values. As a key, a struct with gaps between its fields would not be found again: use
    /// <see cref="Pair{TFirst, TSecond}"/>.
    /// </remarks>
    public static IPersistentSerializer<T> Raw<[DynamicallyAccessedMembers(RawShape.Fields)] T>()
        where T : unmanaged => new RawSerializer<T>(RawShape.Of<T>());

    /// <summary>An object as JSON, by a source-generated context: <c>Json(ShopContext.Default.Cart)</c>.</summary>
    /// <param name="type">The context's word for the type.</param>
    /// <param name="version">
    /// Part of the shape. JSON reads what has more or fewer properties; raise it where older bytes would be read wrong,
    /// or name the older shape in <see cref="PersistentMapOptions{TKey, TValue}.OlderShapes"/> where this
    /// version reads them too.
    /// </param>
    public static IPersistentSerializer<T> Json<T>(JsonTypeInfo<T> type, int version = 1)
    {
        ArgumentNullException.ThrowIfNull(type);
        ArgumentOutOfRangeException.ThrowIfLessThan(version, 1);
        return new JsonTextSerializer<T>(type, version);
    }

    /// <summary>
    /// Two values, one after the other, in the order of the first and then of the second. Pairs nest.
    /// </summary>
    public static IPersistentSerializer<(TFirst First, TSecond Second)> Pair<TFirst, TSecond>(
        IPersistentSerializer<TFirst> first, IPersistentSerializer<TSecond> second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        return new PairSerializer<TFirst, TSecond>(first, second);
    }
}
