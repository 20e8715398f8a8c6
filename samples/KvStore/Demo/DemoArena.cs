using GuestMemFs;

namespace KvStore.Demo;

/// <summary>Where the demo makes its arena.</summary>
/// <param name="Directory">The arena's directory; it is there.</param>
/// <param name="IsOwn">Whether the directory itself was made here, and can go with its files.</param>
/// <param name="Why">Which medium it is, and why that one.</param>
internal sealed record DemoArena(string Directory, bool IsOwn, string Why)
{
    /// <summary>
    /// A new directory in the one that was asked for, or on the best medium that is here and has the room.
    /// </summary>
    /// <exception cref="MediumException">There is none, or no directory can be made.</exception>
    public static DemoArena Choose(DemoOptions options)
    {
        string name = $"kvstore-demo-{Environment.ProcessId}";
        if (options.ArenaParent is { } parent)
        {
            string own = Path.Combine(parent, name);
            System.IO.Directory.CreateDirectory(own);
            using Medium given = Medium.ForDirectory(own);
            return new DemoArena(own, IsOwn: true, $"{given.Name}, as asked for");
        }

        // A medium without directories gives its root, which is not ours to delete.
        using Medium medium = Medium.Default(name, options.ArenaSize);
        return new DemoArena(medium.Location, Path.GetFileName(medium.Location) == name, medium.Reason);
    }

    /// <summary>Deletes the arena's files, and the directory where it was made for them.</summary>
    public void Delete()
    {
        foreach (string pattern in (string[])["arena.meta", "extent-*"])
        {
            foreach (string file in System.IO.Directory.EnumerateFiles(Directory, pattern))
            {
                File.Delete(file);
            }
        }

        if (IsOwn)
        {
            System.IO.Directory.Delete(Directory, recursive: true);
        }
    }
}
