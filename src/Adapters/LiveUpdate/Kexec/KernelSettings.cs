namespace GuestMemFs.LiveUpdate;

/// <summary>The next kernel, and how it is entered.</summary>
public sealed record KernelSettings
{
    /// <summary>The file, as <c>/boot/vmlinuz-6.12</c>.</summary>
    public required string Image { get; init; }

    /// <summary>Its initial RAM disk; null for none.</summary>
    public string? Initrd { get; set; }

    /// <summary>Its command line; null for the running kernel's.</summary>
    public string? CommandLine { get; set; }

    /// <summary>Words behind the command line.</summary>
    public string? Append { get; set; }

    /// <summary>How it is entered.</summary>
    public KernelEntry Entry { get; set; }
}
