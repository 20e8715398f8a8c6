using System.Text;

namespace GuestMemFs.Typed;

/// <summary>
/// What the typed collections of a heap hold: a dictionary of bytes in the same heap, from a collection's name to its
/// shape. A shape is noted before its collection is made: a collection without one was not made as a typed one, and a
/// shape without its collection is of a creation that did not come to its end.
/// </summary>
internal static class ShapeCatalog
{
    /// <summary>The root's name.</summary>
    public const string Name = ".shapes";

    /// <summary>Opens a collection, or makes it, where what it holds has the shape that is asked for.</summary>
    /// <param name="heap">The heap.</param>
    /// <param name="name">The collection's name.</param>
    /// <param name="shape">What is asked for.</param>
    /// <param name="older">Shapes whose bytes can be read as well; they are replaced by it.</param>
    /// <param name="open">Opens or makes the one of bytes.</param>
    public static T Open<T>(
        PersistentHeap heap, string name, string shape, IReadOnlyCollection<string> older, Func<T> open)
    {
        if (name == Name)
        {
            throw new ArgumentException(
                $"'{Name}' is the heap's own list of shapes; a collection needs another name.", nameof(name));
        }

        string? found = Find(heap, name);
        if (!heap.Space.IsWritable || found == shape)
        {
            if (heap.HasRoot(name))
            {
                Check(name, found, shape, older);
            }

            return open();
        }

        // Two that make one collection with different shapes must not both succeed.
        return heap.Alone(() =>
        {
            Note(heap, name, shape, older);
            return open();
        });
    }

    /// <summary>A collection's shape; null where it was made without types.</summary>
    public static string? Find(PersistentHeap heap, string name) =>
        heap.HasRoot(Name)
            && PersistentDictionary.OpenOrCreate(heap, Name).Get(Encoding.UTF8.GetBytes(name)) is { } shape
            ? Encoding.UTF8.GetString(shape)
            : null;

    /// <summary>Notes a shape, whatever it was.</summary>
    public static void Set(PersistentHeap heap, string name, string shape) => PersistentDictionary
        .OpenOrCreate(heap, Name).Set(Encoding.UTF8.GetBytes(name), Encoding.UTF8.GetBytes(shape));

    /// <summary>A collection was deleted.</summary>
    public static void Forget(PersistentHeap heap, string name)
    {
        if (heap.HasRoot(Name))
        {
            // Not where another thread has made one of the name already.
            heap.Alone(() => !heap.HasRoot(name)
                && PersistentDictionary.OpenOrCreate(heap, Name).Remove(Encoding.UTF8.GetBytes(name)));
        }
    }

    private static void Note(PersistentHeap heap, string name, string shape, IReadOnlyCollection<string> older)
    {
        string? found = Find(heap, name);
        if (heap.HasRoot(name))
        {
            Check(name, found, shape, older);
        }

        if (found != shape)
        {
            Set(heap, name, shape);
        }
    }

    private static void Check(string name, string? found, string shape, IReadOnlyCollection<string> older)
    {
        if (found != shape && (found is null || !older.Contains(found)))
        {
            throw new PersistentShapeException(name, found, shape);
        }
    }
}
