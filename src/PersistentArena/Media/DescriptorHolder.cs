using Microsoft.Win32.SafeHandles;

namespace GuestMemFs;

/// <summary>A descriptor under a file name of an arena.</summary>
/// <param name="Name">The name within the medium. It is only where to look first; who a file is, its bytes say.</param>
/// <param name="Descriptor">The memfd; whoever is given one disposes of it.</param>
public readonly record struct HeldDescriptor(string Name, SafeFileHandle Descriptor);

/// <summary>
/// Somebody outside of this process who holds the descriptors of one arena's memory, so that the memory is there when
/// this process is not: a service manager's store, a daemon. <c>Medium.FromHolder</c> makes a medium of it.
/// </summary>
/// <remarks>Implementations are thread-safe. Failures are <see cref="MediumException"/>s.</remarks>
public abstract class DescriptorHolder : IDisposable
{
    /// <summary>Who it is, for people.</summary>
    public abstract string Location { get; }

    /// <summary>What memory that is held there survives.</summary>
    public abstract Survives Survives { get; }

    /// <summary>How many descriptors it takes of one arena.</summary>
    public virtual int MaximumFiles => int.MaxValue;

    /// <summary>
    /// Why there may be nothing where something was, as sentences for the attach report; asked only where nothing was
    /// found.
    /// </summary>
    public abstract string EmptyReason { get; }

    /// <summary>
    /// New descriptors of all that is held. Asked again where a file is missing that another process may have handed
    /// over since; a holder that gives each once gives none then.
    /// </summary>
    public abstract IReadOnlyList<HeldDescriptor> Take();

    /// <summary>
    /// Hands a descriptor over. On return the holder has it: nothing that needs it may be committed before. The caller
    /// keeps its own.
    /// </summary>
    public abstract void Put(string name, SafeFileHandle descriptor);

    /// <summary>Lets the holder close one; nothing happens where it has none of that name.</summary>
    public abstract void Drop(string name);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases what is needed to talk to the holder, not what it holds.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}
