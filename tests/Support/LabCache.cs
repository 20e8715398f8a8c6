namespace GuestMemFs.Support;

/// <summary>The folder that <c>Parts/fetch</c> fills. Tests of other projects look into it too.</summary>
public static class LabCache
{
    /// <summary>What gets its content.</summary>
    public const string Command = "dotnet run -c Release --project tests/KernelLab -- fetch";

    /// <summary>As in <c>Parts/fetch</c>.</summary>
    public static string Folder { get; } = Find();

    /// <summary>
    /// QEMU 10, which knows <c>cpr-reboot</c> and <c>cpr-transfer</c>, by a script that tells it where its firmware is.
    /// Null where it was not fetched.
    /// </summary>
    public static string? NewerQemu { get; } = Existing(Path.Combine(Folder, "qemu-10", "qemu-system-x86_64"));

    /// <summary>The folder with an unpacked systemd, for machines to boot. Null where it was not fetched.</summary>
    public static string? Systemd { get; } = File.Exists(Path.Combine(Folder, "systemd", "release"))
        ? Path.Combine(Folder, "systemd") : null;

    private static string Find()
    {
        if (Environment.GetEnvironmentVariable("GMF_LAB_CACHE") is { Length: > 0 } named)
        {
            return Path.GetFullPath(named);
        }

        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        string caches = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } set ? set
            : Path.Combine(home, ".cache");
        return Path.Combine(caches, "guestmemfs-lab");
    }

    private static string? Existing(string file) => File.Exists(file) ? file : null;
}
