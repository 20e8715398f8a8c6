namespace GuestMemFs.Media;

/// <summary>The media that are directories.</summary>
internal enum MediumKind
{
    Directory,
    Tmpfs,
    Hugetlbfs,
    Dax,

    /// <summary>As the kernel patches do it.</summary>
    GuestMemFs,

    /// <summary>As our module does it.</summary>
    GuestMemFsModule,
}
