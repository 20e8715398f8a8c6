namespace KvStore.Engine;

/// <summary>The store cannot be served: what the server itself keeps in it is not as it was written.</summary>
internal sealed class StoreException(string message) : Exception(message);
