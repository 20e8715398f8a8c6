namespace GuestMemFs;

/// <summary>Options of a typed list, set or priority queue.</summary>
/// <typeparam name="T">The elements' type.</typeparam>
public sealed class PersistentElementOptions<T>
{
    /// <summary>How elements lie in it; null for <see cref="PersistentSerializers.Default{T}"/>.</summary>
    public IPersistentSerializer<T>? Serializer { get; set; }

    /// <summary>
    /// Shapes of it (as <see cref="PersistentShapeException.Found"/> names them) whose bytes this serializer reads too.
    /// Where it has one of them, it is opened, and has the new shape from then on: an older program is refused.
    /// </summary>
    public IReadOnlyCollection<string> OlderShapes { get; set; } = [];

    /// <summary>The clock of a queue's due times and leases; null for the system's.</summary>
    public TimeProvider? TimeProvider { get; set; }
}
