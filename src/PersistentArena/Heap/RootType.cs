using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace GuestMemFs.Heap;

/// <summary>An application's struct as a root: its layout, and its shape in words.</summary>
internal sealed class RootType
{
    private readonly StructShape _shape;

    private RootType(ulong layout, StructShape shape)
    {
        long size = HeapObjects.HeaderLength + shape.Size;
        _shape = shape;
        Form = new RootForm(layout, size, BlockHeader.Sized(BlockHeader.TypeBlob, size), Shape: shape.Text);
    }

    public RootForm Form { get; }

    public static RootType Of<[DynamicallyAccessedMembers(StructShape.Members)] T>()
        where T : unmanaged => Cache<T>.Type ??= new RootType(LayoutHash.Of<T>(), StructShape.Of<T>());

    /// <summary>True where the root of a name is of this type.</summary>
    public bool IsThat(NamedRoots roots, string name)
    {
        roots.WordOf(name, out ulong layout);
        return layout == Form.Layout || roots.ShapeOf(name)?.Text == Form.Shape;
    }

    /// <summary>Looks whether the root of a name is of this type; true where its shape is kept with it.</summary>
    /// <exception cref="HeapLayoutException">It is of another type.</exception>
    public bool Is(NamedRoots roots, string name, IHeapSpace space)
    {
        roots.WordOf(name, out ulong layout);
        StructShape? kept = roots.ShapeOf(name);
        return layout == Form.Layout || kept?.Text == Form.Shape ? kept is not null
            : throw (kept is null ? new HeapLayoutException(space.Name, name, layout, Form.Layout)
                : new HeapLayoutException(space.Name, name, layout, Form.Layout, kept, _shape));
    }

    private static class Cache<T>
    {
        public static RootType? Type;
    }
}
