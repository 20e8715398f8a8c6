namespace GuestMemFs;

/// <summary>Makes of a value, and its key, what they are from now on.</summary>
/// <param name="key">The key, which stays.</param>
/// <param name="old">The value as it was.</param>
public delegate TNew ValueMigration<in TKey, in TOld, out TNew>(TKey key, TOld old);
