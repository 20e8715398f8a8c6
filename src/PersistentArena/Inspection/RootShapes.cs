using System.Text;
using GuestMemFs.Heap;
using GuestMemFs.Typed;

namespace GuestMemFs.Inspection;

/// <summary>What a heap's roots hold, in words: an application's structs, and typed collections.</summary>
internal sealed class RootShapes(PersistentHeap heap)
{
    private readonly PersistentDictionary? _ofCollections = Read(() => heap.HasRoot(ShapeCatalog.Name)
        ? PersistentDictionary.OpenOrCreate(heap, ShapeCatalog.Name) : null);

    /// <summary>A root's shape; null where it has none, and where it is damaged: a deep check says so.</summary>
    public string? Of(string name, HeapRootKind kind) => Read(() => kind == HeapRootKind.Object
        ? heap.RootShapeOf(name)?.Text
        : _ofCollections?.Get(Encoding.UTF8.GetBytes(name)) is { } shape ? Encoding.UTF8.GetString(shape) : null);

    private static T? Read<T>(Func<T?> read)
        where T : class
    {
        try
        {
            return read();
        }
        catch (Exception damaged) when (damaged is HeapDamagedException or ValueDamagedException
            or HeapLayoutException or RootDeletedException)
        {
            return null;
        }
    }
}
