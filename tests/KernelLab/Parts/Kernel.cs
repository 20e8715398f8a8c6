namespace GuestMemFs.KernelLab.Parts;

/// <summary>A kernel of the lab.</summary>
/// <param name="Name">The series, which is also the folder's name, here and in the guest.</param>
internal sealed record Kernel(string Name)
{
    /// <summary>Debian's own, as people run it.</summary>
    public static readonly Kernel Stock = new("6.12");

    /// <summary>Debian's unmodified source, configured small and with KHO and LUO.</summary>
    public static readonly Kernel Own = new("7.2");

    public static IReadOnlyList<Kernel> All { get; } = [Stock, Own];

    /// <summary>
    /// True where every machine runs the 7.2 that looks for bugs (KASAN, lockdep), whatever kernel a scenario names.
    /// </summary>
    public static bool Debugging { get; set; }

    public string Folder(LabParts parts) => Path.Combine(parts.Cache,
        Debugging ? $"linux-{Own.Name}-debug" : $"linux-{Name}");

    public string Image(LabParts parts) => Path.Combine(Folder(parts), "vmlinuz");

    /// <summary>What <c>uname -r</c> says under it.</summary>
    public string Release(LabParts parts) => File.ReadAllText(Path.Combine(Folder(parts), "release")).Trim();

    /// <summary>Its modules, as many as the lab uses.</summary>
    public IEnumerable<string> Modules(LabParts parts) =>
        Directory.EnumerateFiles(Path.Combine(Folder(parts), "modules"), "*.ko");

    public override string ToString() => Name;
}
