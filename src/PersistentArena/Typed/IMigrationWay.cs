namespace GuestMemFs.Typed;

/// <summary>How a collection is copied into one of another shape.</summary>
/// <typeparam name="T">What it is as one of bytes.</typeparam>
internal interface IMigrationWay<T>
{
    /// <summary>Opens the collection, or the copy, or makes it.</summary>
    T Open(string name);

    /// <summary>Copies all that the copy does not have: some of it may have come there before a kill.</summary>
    void Copy(T source, T copy);

    /// <summary>Removes some of a copy that is to go: it is converted again where this is killed.</summary>
    void MakeRoom(T copy);
}
