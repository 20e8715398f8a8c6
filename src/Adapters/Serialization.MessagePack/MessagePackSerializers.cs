using System.Buffers;
using MessagePack;

namespace GuestMemFs.Serialization.MessagePack;

/// <summary>Serializers of typed persistent collections by MessagePack for C#.</summary>
public static class MessagePackSerializers
{
    /// <summary>A type that a MessagePack resolver knows.</summary>
    /// <typeparam name="T">The type.</typeparam>
    /// <param name="options">
    /// The resolver, and whether bytes are compressed: always the same for a collection, as the shape does not name it.
    /// None for <see cref="MessagePackSerializerOptions.Standard"/>, guarded against hostile bytes.
    /// </param>
    /// <param name="version">
    /// Part of the shape. Members with new keys need no other one; raise it where older bytes would be read wrong, or
    /// name the older shape in <see cref="PersistentMapOptions{TKey, TValue}.OlderShapes"/> where this type reads them
    /// too.
    /// </param>
    public static IPersistentSerializer<T> MessagePack<T>(
        MessagePackSerializerOptions? options = null, int version = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(version, 1);
        string shape = FormattableString.Invariant($"messagepack {typeof(T)} version {version}");
        return new Serializer<T>(shape, options
            ?? MessagePackSerializerOptions.Standard.WithSecurity(MessagePackSecurity.UntrustedData));
    }

    private sealed class Serializer<T>(string shape, MessagePackSerializerOptions options) : IPersistentSerializer<T>
    {
        public string Shape => shape;

        public void Write(T value, IBufferWriter<byte> output) =>
            MessagePackSerializer.Serialize(output, value, options);

        // The library reads a sequence of memory: one copy more than of a span.
        public T Read(ReadOnlySpan<byte> bytes)
        {
            byte[] rented = ArrayPool<byte>.Shared.Rent(bytes.Length);
            try
            {
                bytes.CopyTo(rented);
                return MessagePackSerializer.Deserialize<T>(rented.AsMemory(0, bytes.Length), options);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(rented);
            }
        }
    }
}
