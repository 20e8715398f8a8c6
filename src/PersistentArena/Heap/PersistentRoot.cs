using System.Runtime.CompilerServices;
using GuestMemFs.Heap;

namespace GuestMemFs;

/// <summary>A named object that a heap's other objects hang on.</summary>
public readonly unsafe struct PersistentRoot<T>
    where T : unmanaged
{
    private readonly ObjectWriter _writer;
    private readonly RootEntry _entry;

    internal PersistentRoot(ObjectWriter writer, in RootEntry entry)
    {
        _writer = writer;
        _entry = entry;
    }

    /// <summary>
    /// The object, where it lies: its <see cref="Offset{T}"/> fields can be given to
    /// <see cref="PersistentHeap.Put{T}"/>. Good until the next <see cref="Set"/>.
    /// </summary>
    /// <exception cref="RootDeletedException">It was deleted meanwhile.</exception>
    public ref readonly T Value => ref *(T*)_writer.Objects.RootPayload(_entry, Unsafe.SizeOf<T>());

    /// <summary>Replaces the whole object with one store; what its fields point to stays.</summary>
    /// <exception cref="RootDeletedException">It was deleted meanwhile.</exception>
    public void Set(in T value)
    {
        fixed (T* bytes = &value)
        {
            _writer.Replace(_entry, new ReadOnlySpan<byte>(bytes, sizeof(T)));
        }
    }
}

/// <summary>Makes a root's new object of its old one.</summary>
/// <param name="old">The old one, where it lies.</param>
public delegate TNew RootMigration<TOld, out TNew>(in TOld old)
    where TOld : unmanaged
    where TNew : unmanaged;
