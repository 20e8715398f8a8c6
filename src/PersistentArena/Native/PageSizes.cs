namespace GuestMemFs.Native;

/// <summary>The page sizes of x86-64, and of arm64 with 4 KiB granules, in bytes.</summary>
internal static class PageSizes
{
    public const long Small = 4096;
    public const long Huge2M = 2L << 20;
    public const long Huge1G = 1L << 30;
}
