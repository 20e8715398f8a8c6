namespace GuestMemFs;

/// <summary>Options of a typed log.</summary>
/// <typeparam name="T">The entries' type.</typeparam>
public sealed class PersistentLogOptions<T>
{
    /// <summary>How entries lie in it; null for <see cref="PersistentSerializers.Default{T}"/>.</summary>
    public IPersistentSerializer<T>? Serializer { get; set; }

    /// <summary>
    /// Shapes of it (as <see cref="PersistentShapeException.Found"/> names them) whose bytes this serializer reads too.
    /// Where it has one of them, it is opened, and has the new shape from then on: an older program is refused.
    /// </summary>
    public IReadOnlyCollection<string> OlderShapes { get; set; } = [];

    /// <summary>
    /// Where the time in ids comes from; null for the one that it is open with in this process, or the system's.
    /// </summary>
    public TimeProvider? TimeProvider { get; set; }
}
