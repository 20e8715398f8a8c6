namespace GuestMemFs.Typed;

/// <summary>Elements of a cursor over bytes, as values.</summary>
internal static class Elements
{
    // Begun anew by each enumeration, as an IEnumerable is.
    public static IEnumerable<T> Each<T>(Func<ElementCursor> begin, IPersistentSerializer<T> serializer)
    {
        ElementCursor cursor = begin();
        while (cursor.MoveNext())
        {
            yield return serializer.Read(cursor.Current);
        }
    }
}
