using GuestMemFs.Journal;
using GuestMemFs.Native;

namespace GuestMemFs.Arena;

/// <summary>Which sizes regions can have.</summary>
internal static class RegionSizes
{
    /// <summary>No region is longer: the address space has 2^47 bytes.</summary>
    public const long Maximum = 1L << 46;

    /// <summary>The next multiple of a power of two.</summary>
    public static long RoundUp(long value, long to) => checked(value + to - 1) & -to;

    /// <summary>The entry for a new region, without its ids.</summary>
    public static RegionEntry Entry(string name, long length, RegionOptions options, long granularity)
    {
        CheckLength(name, length);
        if (options.Alignment is not (PageSizes.Huge2M or PageSizes.Huge1G))
        {
            throw new RegionSizeException(name, options.Alignment, PageSizes.Huge1G,
                "The alignment is 2 MiB (2097152) or 1 GiB, which is");
        }

        if (!Enum.IsDefined(options.Kind) || !Enum.IsDefined(options.Reserve))
        {
            throw new ArgumentOutOfRangeException(nameof(options),
                $"Kind {options.Kind} or reserve {options.Reserve} is not one that there is.");
        }

        long maximum = options.MaximumLength;
        if (maximum == 0)
        {
            long least = options.Kind == RegionKind.Heap ? 64L << 30 : 1L << 30;
            maximum = Math.Max(16 * Math.Min(length, Maximum / 16), Math.Max(least, length));
        }
        else if (maximum < length || maximum > Maximum)
        {
            throw new RegionSizeException(name, maximum, maximum < length ? length : Maximum,
                "MaximumLength is between the length and the address space; the limit is");
        }

        return new RegionEntry(0, 0, name, options.Kind, options.Reserve, length, maximum,
            Math.Max(options.Alignment, granularity), 0, Formatted: false);
    }

    /// <summary>Throws where a region cannot be made this long.</summary>
    public static void CheckGrowth(RegionEntry entry, long newLength, long addressSpace)
    {
        if (newLength < entry.Length)
        {
            throw new RegionSizeException(entry.Name, newLength, entry.Length,
                "A region does not shrink; its length is");
        }

        CheckLength(entry.Name, newLength);
        if (newLength > addressSpace)
        {
            throw new RegionSizeException(entry.Name, newLength, addressSpace,
                "The region cannot grow further at its address. Create it with a larger MaximumLength; the address " +
                "space kept for it is");
        }
    }

    /// <summary>Throws where a region's extents do not add up to it.</summary>
    public static void CheckExtents(RegionNode node, long granularity)
    {
        long held = 0;
        for (int i = 0; i < node.Extents.Count; i++)
        {
            ExtentEntry extent = node.Extents[i];
            long capacity = extent.Capacity(granularity);
            bool isLast = i == node.Extents.Count - 1;
            bool joins = extent.FileLength % granularity == 0
                && extent.Ordinal == i
                && extent.Used > 0
                && extent.Used <= capacity
                && (isLast || extent.Used == capacity);
            held += joins ? extent.Used : 0;
        }

        if (held != node.Entry.Length)
        {
            throw ExtentException.Inconsistent(node.Entry.Name, node.Entry.Length, held);
        }
    }

    private static void CheckLength(string name, long length)
    {
        if (length < RegionOptions.MinimumLength)
        {
            throw new RegionSizeException(name, length, RegionOptions.MinimumLength, "A region has at least");
        }

        if (length > Maximum)
        {
            throw new RegionSizeException(name, length, Maximum, "A region has at most");
        }

        if (length % PageSizes.Small != 0)
        {
            throw new RegionSizeException(name, length, RoundUp(length, PageSizes.Small),
                "A length is a multiple of 4096 bytes; the next one is");
        }
    }
}
