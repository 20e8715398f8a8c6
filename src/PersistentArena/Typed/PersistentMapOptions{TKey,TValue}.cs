namespace GuestMemFs;

/// <summary>Options of a typed dictionary or sorted map.</summary>
/// <typeparam name="TKey">The keys' type.</typeparam>
/// <typeparam name="TValue">The values' type.</typeparam>
public sealed class PersistentMapOptions<TKey, TValue>
{
    /// <summary>How keys lie in it; null for <see cref="PersistentSerializers.Default{T}"/>.</summary>
    public IPersistentSerializer<TKey>? KeySerializer { get; set; }

    /// <summary>How values lie in it; null for <see cref="PersistentSerializers.Default{T}"/>.</summary>
    public IPersistentSerializer<TValue>? ValueSerializer { get; set; }

    /// <summary>
    /// Shapes of it (<c>keys -> values</c>, as <see cref="PersistentShapeException.Found"/> names them)
    /// whose bytes these serializers read too. Where it has one of them, it is opened, and has the new shape from then
    /// on: an older program is refused. Records are converted when they are set.
    /// </summary>
    public IReadOnlyCollection<string> OlderShapes { get; set; } = [];

    /// <summary>
    /// Where the time for expiry comes from; null for the one that it is open with in this process, or the system's.
    /// </summary>
    public TimeProvider? TimeProvider { get; set; }
}
