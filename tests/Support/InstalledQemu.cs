namespace GuestMemFs.Support;

/// <summary>The machine's own QEMU.</summary>
public static class InstalledQemu
{
    private const string Program = "qemu-system-x86_64";

    /// <summary>Why a test of it is skipped.</summary>
    public const string Missing = $"no {Program} on the PATH (Debian: apt-get install qemu-system-x86)";

    /// <summary>Where it is; null where there is none.</summary>
    public static string? Executable { get; } =
        (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(':').Select(folder =>
            Path.Combine(folder, Program)).FirstOrDefault(File.Exists);
}
