using System.Globalization;

namespace GuestMemFs.Holding;

/// <summary>
/// An arena whose memory the kernel keeps over the next kexec, if that comes while this object lives: its session is
/// closed with it, and with the session what was preserved is given back.
/// </summary>
public sealed class PreservedArena : IDisposable
{
    private readonly LuoSession _session;

    private PreservedArena(LuoSession session, KeptWord word)
    {
        _session = session;
        Word = word;
    }

    /// <summary>For the next kernel's command line.</summary>
    public KeptWord Word { get; }

    /// <summary>What the next kernel is told of an arena.</summary>
    public static KeptWord WordOf(string store, ArenaMemory memory)
    {
        ArgumentNullException.ThrowIfNull(memory);
        return new KeptWord(store, memory.Contents.ArenaId, memory.Contents.Files.Count, memory.Bytes,
            RunningKernel.BootId);
    }

    /// <summary>The session's name for an arena.</summary>
    public static string SessionOf(string store) => "gmfs-" + store;

    /// <summary>
    /// Marks an arena's memory to be kept: the metadata first, from when on nothing can be added to it, then each
    /// extent, under its id as the token. The arena must stand still.
    /// </summary>
    /// <exception cref="HoldingException">It does not stand still, or changed meanwhile.</exception>
    /// <exception cref="LuoException">The kernel refuses. Nothing is preserved then.</exception>
    public static PreservedArena Preserve(LuoDevice device, string store, ArenaMemory memory)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(memory);
        RequireStanding(store, ArenaDescriptors.Read(memory.Files[0]));
        LuoSession session = device.CreateSession(SessionOf(store));
        try
        {
            foreach (ArenaFileIdentity file in memory.Contents.Files)
            {
                session.Preserve(memory.Files[file.ExtentId], file.ExtentId);
            }

            ArenaContents now = ArenaDescriptors.Read(memory.Files[0]);
            RequireStanding(store, now);
            return now.Files.SequenceEqual(memory.Contents.Files)
                ? new PreservedArena(session, WordOf(store, memory))
                : throw new HoldingException($"Arena '{store}' changed while it was being preserved: it was not " +
                    "frozen all the time. Nothing is preserved; try again.");
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Throws where the session is not there any more, which nothing else would tell before it is too late.
    /// </summary>
    /// <exception cref="HoldingException">It is not.</exception>
    public void RequireHeld()
    {
        if (_session.Handle.IsClosed || !LuoSessions.Find().Any(one => one.Name == _session.Name))
        {
            throw new HoldingException($"Nobody holds session '{_session.Name}' any more: what was preserved in it " +
                "would not be there under the next kernel. Preserve it again.");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _session.Dispose();

    private static void RequireStanding(string store, ArenaContents contents)
    {
        if (!contents.IsFrozen)
        {
            throw new HoldingException(string.Create(CultureInfo.InvariantCulture,
                $"Arena '{store}' ({contents.ArenaId}) is not frozen: memory that its writer added now would be " +
                $"missing under the next kernel. Freeze it first."));
        }
    }
}
