namespace KvStore.Demo;

/// <summary>Where the demo makes its arena, where nothing was asked for.</summary>
internal static class ArenaPlace
{
    /// <summary>A directory on the best medium that is here with that much room, and why it was chosen.</summary>
    public static (string Directory, string Why) Choose(long size)
    {
        const string shared = "/dev/shm";
        return Directory.Exists(shared) && new DriveInfo(shared).AvailableFreeSpace > size
            ? (shared, "tmpfs: survives the process, not a reboot")
            : (Path.GetTempPath(), $"an ordinary directory, because {shared} has no {size >> 20:N0} MiB free");
    }
}
