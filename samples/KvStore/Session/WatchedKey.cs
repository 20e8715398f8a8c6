namespace KvStore.Session;

/// <summary>A key that a session watches, and whether it was there then.</summary>
internal readonly record struct WatchedKey(int Database, byte[] Key, bool Existed);
