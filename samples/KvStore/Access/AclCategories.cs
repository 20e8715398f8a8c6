namespace KvStore.Access;

/// <summary>Redis's kinds of commands that a rule may name. Those that no command here is of can be named
/// too.</summary>
[Flags]
internal enum AclCategories
{
    Nothing = 0,
    Keyspace = 1,
    Read = 1 << 1,
    Write = 1 << 2,
    Set = 1 << 3,
    SortedSet = 1 << 4,
    List = 1 << 5,
    Hash = 1 << 6,
    String = 1 << 7,
    Bitmap = 1 << 8,
    HyperLogLog = 1 << 9,
    Geo = 1 << 10,
    Stream = 1 << 11,
    PubSub = 1 << 12,
    Admin = 1 << 13,
    Fast = 1 << 14,
    Slow = 1 << 15,
    Blocking = 1 << 16,
    Dangerous = 1 << 17,
    Connection = 1 << 18,
    Transaction = 1 << 19,
    Scripting = 1 << 20,
}

/// <summary>Their names, in Redis's order.</summary>
internal static class AclCategoryNames
{
    private static readonly string[] s_names =
    [
        "keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog", "geo",
        "stream", "pubsub", "admin", "fast", "slow", "blocking", "dangerous", "connection", "transaction", "scripting",
    ];

    public static IReadOnlyList<string> All => s_names;

    /// <summary>The category of a name, in any case; <see cref="AclCategories.Nothing"/> where there is none.</summary>
    public static AclCategories Find(string name)
    {
        int index = Array.FindIndex(s_names, it => it.Equals(name, StringComparison.OrdinalIgnoreCase));
        return index < 0 ? AclCategories.Nothing : (AclCategories)(1 << index);
    }

    /// <summary>The names of these, each with its <c>@</c>.</summary>
    public static string[] Of(AclCategories categories) =>
        [.. s_names.Where((_, i) => ((int)categories & (1 << i)) != 0).Select(name => '@' + name)];
}
