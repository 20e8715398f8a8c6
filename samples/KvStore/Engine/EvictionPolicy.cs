namespace KvStore.Engine;

/// <summary>Which keys go where there is no room.</summary>
internal enum EvictionPolicy
{
    NoEviction,
    AllKeysLru,
    AllKeysLfu,
    AllKeysRandom,
    VolatileLru,
    VolatileLfu,
    VolatileRandom,
    VolatileTtl,
}

/// <summary>What the policies say.</summary>
internal static class EvictionPolicies
{
    /// <summary>Redis's names.</summary>
    public static (string Name, EvictionPolicy Value)[] Names { get; } =
    [
        ("volatile-lru", EvictionPolicy.VolatileLru),
        ("volatile-lfu", EvictionPolicy.VolatileLfu),
        ("volatile-random", EvictionPolicy.VolatileRandom),
        ("volatile-ttl", EvictionPolicy.VolatileTtl),
        ("allkeys-lru", EvictionPolicy.AllKeysLru),
        ("allkeys-lfu", EvictionPolicy.AllKeysLfu),
        ("allkeys-random", EvictionPolicy.AllKeysRandom),
        ("noeviction", EvictionPolicy.NoEviction),
    ];

    public static string Name(this EvictionPolicy policy) => Names.First(it => it.Value == policy).Name;

    /// <summary>Only keys that expire go.</summary>
    public static bool IsVolatile(this EvictionPolicy policy) => policy >= EvictionPolicy.VolatileLru;

    public static bool IsLru(this EvictionPolicy policy) =>
        policy is EvictionPolicy.AllKeysLru or EvictionPolicy.VolatileLru;

    public static bool IsLfu(this EvictionPolicy policy) =>
        policy is EvictionPolicy.AllKeysLfu or EvictionPolicy.VolatileLfu;

    public static bool IsRandom(this EvictionPolicy policy) =>
        policy is EvictionPolicy.AllKeysRandom or EvictionPolicy.VolatileRandom;
}
