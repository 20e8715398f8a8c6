namespace GuestMemFs.Hosting;

/// <summary>A dictionary that <c>AddPersistentDictionary</c> registered.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Arena">The arena whose heap holds it; "" is the one without a name.</param>
internal record DictionaryRegistration(string Name, string Arena)
{
    /// <summary>The types of its keys and values; null where it is one of bytes.</summary>
    public virtual (Type Key, Type Value)? Types => null;

    /// <summary>What it is, for messages.</summary>
    public virtual string Kind => "dictionary";

    /// <summary>Opens it; a <see cref="PersistentDictionary"/>, or a typed one.</summary>
    public virtual object Open(PersistentHeap heap, TimeProvider time) =>
        PersistentDictionary.OpenOrCreate(heap, Name, new PersistentDictionaryOptions { TimeProvider = time });

    /// <summary>The dictionary of bytes in what <see cref="Open"/> gave.</summary>
    public virtual PersistentDictionary BytesOf(object opened) => (PersistentDictionary)opened;
}
