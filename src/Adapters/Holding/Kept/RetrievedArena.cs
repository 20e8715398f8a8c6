using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Holding;

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

    /// <summary>
    /// Gets an arena's memory back. Each token is an extent's id, so the metadata says what to ask for; each is
    /// compared with who it says it is.
    /// </summary>
    /// <exception cref="LuoException">There is no such session, or something is not in it.</exception>
    /// <exception cref="HoldingException">What is in it is not the arena.</exception>
    /// <exception cref="ArenaException">The metadata cannot be read.</exception>
    public static RetrievedArena Retrieve(LuoDevice device, string store)
    {
        ArgumentNullException.ThrowIfNull(device);
        LuoSession session = device.RetrieveSession(PreservedArena.SessionOf(store));
        var files = new List<SafeFileHandle>();
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

    /// <summary>
    /// Attaches to it for reading, and opens every region: what fails here is known before the kernel has let go of
    /// anything.
    /// </summary>
    /// <exception cref="ArenaException">It does not attach.</exception>
    public AttachReport Verify()
    {
        using Medium medium = Memory.ToMedium("kept");
        using PersistentArena arena = PersistentArena.Open(
            new ArenaOptions { Medium = medium, Access = ArenaAccess.ReadOnly, ArenaId = Memory.Contents.ArenaId });
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

    /// <summary>
    /// Tells the kernel that it is done: only after somebody else holds the memory, or is to hold it from this process.
    /// </summary>
    /// <exception cref="LuoException">The kernel refuses.</exception>
    public void Finish() => _session.Finish();

    /// <summary>Closes our descriptors.</summary>
    public void Dispose()
    {
        Memory.Dispose();
        _session.Dispose();
    }
}
