using System.Runtime.CompilerServices;
using GuestMemFs.Heap;

namespace GuestMemFs;

/// <summary>A named object that a heap's other objects hang on.</summary>
public readonly unsafe struct PersistentRoot<T>
    where T : unmanaged
{
    private readonly ObjectWriter _writer;
    private readonly long _slot;

    internal PersistentRoot(ObjectWriter writer, long slot)
    {
        _writer = writer;
        _slot = slot;
    }

    /// <summary>
    /// The object, where it lies: its <see cref="Offset{T}"/> fields can be given to
    /// <see cref="PersistentHeap.Put{T}"/>. Good until the next <see cref="Set"/>.
    /// </summary>
    public ref readonly T Value => ref *(T*)_writer.Objects.RootPayload(_slot, Unsafe.SizeOf<T>());

    /// <summary>Replaces the whole object with one store; what its fields point to stays.</summary>
    public void Set(in T value)
    {
        fixed (T* bytes = &value)
        {
            _writer.Replace(_slot, new ReadOnlySpan<byte>(bytes, sizeof(T)), allocate: true);
        }
    }
}
