namespace GuestMemFs.Hosting;

/// <summary>A dictionary that <c>AddPersistentDictionary</c> registered, and the arena whose heap holds it ("" is the one without a name).</summary>
internal sealed record DictionaryRegistration(string Name, string Arena);
