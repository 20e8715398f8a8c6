using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using MemoryPack;

namespace GuestMemFs.Serialization.MemoryPack;

/// <summary>Serializers of typed persistent collections by MemoryPack.</summary>
public static class MemoryPackSerializers
{
    /// <summary>A type that MemoryPack knows: <c>[MemoryPackable]</c>, and what it has formatters for.</summary>
    /// <typeparam name="T">The type.</typeparam>
    /// <param name="version">
    /// Part of the shape. Members that come behind the others need no other one, where the type is
    /// <c>[MemoryPackable(GenerateType.VersionTolerant)]</c>; raise it where older bytes would be read wrong, or name
    /// the older shape in <see cref="PersistentMapOptions{TKey, TValue}.OlderShapes"/> where this type reads them too.
    /// </param>
    public static IPersistentSerializer<T> MemoryPack<
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.All)] T>(int version = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(version, 1);
        return new Serializer<T>(FormattableString.Invariant($"memorypack {typeof(T)} version {version}"));
    }

    private sealed class Serializer<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.All)] T>(string shape)
        : IPersistentSerializer<T>
    {
        public string Shape => shape;

        public void Write(T value, IBufferWriter<byte> output) => MemoryPackSerializer.Serialize(output, value);

        public T Read(ReadOnlySpan<byte> bytes) => MemoryPackSerializer.Deserialize<T>(bytes)!;
    }
}
