using System.Globalization;
using GuestMemFs.LiveUpdate.Luo;

namespace GuestMemFs.LiveUpdate.Kept;

/// <summary>
/// An arena whose memory the kernel keeps over the next kexec, if that comes while this object lives: its session is closed with it, and with the session what was preserved is
/// given back.
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
        return new KeptWord(store, memory.Contents.ArenaId, memory.Contents.Files.Count, memory.Bytes, Boot.Id);
    }

    /// <summary>The session's name for an arena.</summary>
    public static string SessionOf(string store) => "gmfs-" + store;

    /// <summary>
    /// Marks an arena's memory to be kept: the metadata first, from when on nothing can be added to it, then each extent, under its id as the token. The arena must stand still.
    /// </summary>
    /// <exception cref="LiveUpdateException">It does not stand still, or changed meanwhile.</exception>
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
                : throw new LiveUpdateException($"Arena '{store}' changed while it was being preserved: it was not frozen all the time. Nothing is preserved; try again.");
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Throws where the session is not there any more, which nothing else would tell before it is too late.</summary>
    /// <exception cref="LiveUpdateException">It is not.</exception>
    public void RequireHeld()
    {
        if (_session.Handle.IsClosed || !LuoSessions.Find().Any(one => one.Name == _session.Name))
        {
            throw new LiveUpdateException($"Nobody holds session '{_session.Name}' any more: what was preserved in it would not be there under the next kernel. Preserve it again.");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _session.Dispose();

    private static void RequireStanding(string store, ArenaContents contents)
    {
        if (!contents.Frozen)
        {
            throw new LiveUpdateException(string.Create(CultureInfo.InvariantCulture, $"Arena '{store}' ({contents.ArenaId}) is not frozen: memory that its writer added now would be missing under the next kernel. Freeze it first."));
        }
    }
}

/// <summary>An arena that came over a kexec, before the kernel lets go of it.</summary>
public sealed class RetrievedArena : IDisposable
{
    private readonly LuoSession _session;

    private RetrievedArena(LuoSession session, ArenaMemory memory)
    {
        _session = session;
        Memory = memory;
    }

    /// <summary>Its memory.</summary>
    public ArenaMemory Memory { get; }

    /// <summary>Gets an arena's memory back. Each token is an extent's id, so the metadata says what to ask for; each is compared with who it says it is.</summary>
    /// <exception cref="LuoException">There is no such session, or something is not in it.</exception>
    /// <exception cref="LiveUpdateException">What is in it is not the arena.</exception>
    /// <exception cref="ArenaException">The metadata cannot be read.</exception>
    public static RetrievedArena Retrieve(LuoDevice device, string store)
    {
        ArgumentNullException.ThrowIfNull(device);
        LuoSession session = device.RetrieveSession(PreservedArena.SessionOf(store));
        var files = new List<Microsoft.Win32.SafeHandles.SafeFileHandle>();
        try
        {
            files.Add(session.Retrieve(0));
            foreach (ArenaFileIdentity file in ArenaDescriptors.Read(files[0]).Files.Skip(1))
            {
                files.Add(session.Retrieve(file.ExtentId));
            }

            return new RetrievedArena(session, ArenaMemory.Of(files, $"session '{session.Name}'"));
        }
        catch
        {
            files.ForEach(file => file.Dispose());
            session.Dispose();
            throw;
        }
    }

    /// <summary>Attaches to it for reading, and opens every region: what fails here is known before the kernel has let go of anything.</summary>
    /// <exception cref="ArenaException">It does not attach.</exception>
    public AttachReport Verify()
    {
        using Medium medium = Memory.ToMedium("kept");
        using PersistentArena arena = PersistentArena.Open(new ArenaOptions { Medium = medium, Access = ArenaAccess.ReadOnly, ArenaId = Memory.Contents.ArenaId });
        foreach (RegionInfo region in arena.ListRegions())
        {
            arena.OpenRegion(region.Name).Dispose();
        }

        return arena.AttachReport;
    }

    /// <summary>Gives it to a holder. What that has of another life of the same store, is dropped.</summary>
    /// <exception cref="MediumException">The holder is not there, or refuses.</exception>
    public void GiveTo(DescriptorHolder holder)
    {
        ArgumentNullException.ThrowIfNull(holder);
        foreach (HeldDescriptor old in holder.Take())
        {
            using (old.Descriptor)
            {
                holder.Drop(old.Name);
            }
        }

        foreach (ArenaFileIdentity file in Memory.Contents.Files)
        {
            holder.Put(file.Name, Memory.Files[file.ExtentId]);
        }
    }

    /// <summary>Tells the kernel that it is done: only after somebody else holds the memory, or is to hold it from this process.</summary>
    /// <exception cref="LuoException">The kernel refuses.</exception>
    public void Finish() => _session.Finish();

    /// <summary>Closes our descriptors.</summary>
    public void Dispose()
    {
        Memory.Dispose();
        _session.Dispose();
    }
}
