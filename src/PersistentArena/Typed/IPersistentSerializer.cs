using System.Buffers;

namespace GuestMemFs;

/// <summary>How a type's values lie in a persistent collection as bytes.</summary>
/// <remarks>
/// Called from any thread, by several at the same time: an implementation keeps no state. What it throws comes out of
/// the call that needed it, and nothing is changed.
/// </remarks>
/// <typeparam name="T">The type.</typeparam>
public interface IPersistentSerializer<T>
{
    /// <summary>
    /// Names the form of the bytes, and of the type where the form depends on it. It is kept with the collection, and
    /// another one is refused when the collection is opened. Two serializers that read each other's bytes right have
    /// the same shape; a change of the form is a new shape.
    /// </summary>
    string Shape { get; }

    /// <summary>
    /// True where the bytes compare as the values do, so that the values can be keys of a sorted map. False unless
    /// said.
    /// </summary>
    bool KeepsOrder => false;

    /// <summary>Appends a value's bytes. Equal keys have equal bytes.</summary>
    void Write(T value, IBufferWriter<byte> output);

    /// <summary>
    /// Makes a value of the bytes that <see cref="Write"/> appended. They are gone after the call: copy what is kept.
    /// </summary>
    T Read(ReadOnlySpan<byte> bytes);
}
