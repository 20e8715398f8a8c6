using System.Globalization;

using GuestMemFs.Native;

namespace GuestMemFs;

/// <summary>
/// What pages the kernel gave a range of addresses, as /proc/self/smaps counts them: what was got, not what was asked
/// for.
/// </summary>
/// <param name="Resident">Bytes that are mapped to memory now. 0: nothing was touched yet, or the memory has no struct
/// pages (DAX before Linux 6.17, guestmemfs), where the kernel does not tell.</param>
/// <param name="Huge">Bytes of these in huge pages.</param>
/// <param name="HugePageSize">Their size in bytes; 0 where there are none.</param>
/// <remarks>
/// smaps counts by mapping: a mapping that reaches beyond the range counts whole. Reading it walks the page tables of
/// the process, so that it costs milliseconds for each gigabyte of small pages: for reports, not for hot paths.
/// </remarks>
public readonly record struct PageReport(long Resident, long Huge, long HugePageSize)
{
    /// <summary>False where the kernel does not tell, or nothing was touched.</summary>
    public bool IsKnown => Resident > 0;

    /// <summary>The mappings of a range.</summary>
    internal static PageReport ForRange(nint address, long length)
    {
        using StreamReader smaps = File.OpenText("/proc/self/smaps");
        return Read(smaps, (ulong)address, (ulong)(address + (nint)length));
    }

    /// <summary>Adds up two ranges.</summary>
    public static PageReport operator +(PageReport left, PageReport right) =>
        new(left.Resident + right.Resident, left.Huge + right.Huge, Math.Max(left.HugePageSize, right.HugePageSize));

    /// <summary>
    /// For a report: <c>2 MiB pages</c>, <c>4 KiB pages</c>, <c>2 MiB pages for 96 %</c>, <c>unknown</c>.
    /// </summary>
    public override string ToString()
    {
        if (!IsKnown)
        {
            return "unknown";
        }

        string size = HugePageSize >= PageSizes.Huge1G ? "1 GiB" : "2 MiB";
        return Huge == 0 ? "4 KiB pages"
            : Huge == Resident ? size + " pages"
            : string.Create(CultureInfo.InvariantCulture,
                $"{size} pages for {100.0 * Huge / Resident:0.#} %, 4 KiB for the rest");
    }

    /// <summary>Reads the text of smaps.</summary>
    internal static PageReport Read(TextReader smaps, ulong start, ulong end)
    {
        var report = default(PageReport);
        bool inside = false;
        long pageSize = 0;
        while (smaps.ReadLine() is { } line)
        {
            int firstSpace = line.IndexOf(' ', StringComparison.Ordinal);
            if (firstSpace > 0 && line[firstSpace - 1] != ':')
            {
                int dash = line.IndexOf('-', StringComparison.Ordinal);
                ulong from = ulong.Parse(line.AsSpan(0, dash), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                ulong to = ulong.Parse(line.AsSpan(dash + 1, firstSpace - dash - 1), NumberStyles.HexNumber,
                    CultureInfo.InvariantCulture);
                inside = from < end && start < to;
                continue;
            }

            if (!inside || !line.EndsWith(" kB", StringComparison.Ordinal))
            {
                continue;
            }

            int colon = line.IndexOf(':', StringComparison.Ordinal);
            long bytes = long.Parse(line.AsSpan(colon + 1, line.Length - colon - 4).Trim(),
                CultureInfo.InvariantCulture) << 10;
            switch (line[..colon])
            {
                case "KernelPageSize":
                    pageSize = bytes;
                    break;
                case "Rss":
                    report = report with { Resident = report.Resident + bytes };
                    break;
                case "AnonHugePages" or "ShmemPmdMapped" or "FilePmdMapped" when bytes > 0:
                    report += new PageReport(0, bytes, PageSizes.Huge2M);
                    break;
                case "Shared_Hugetlb" or "Private_Hugetlb" when bytes > 0:
                    report += new PageReport(bytes, bytes, pageSize); // Rss does not count these.
                    break;
            }
        }

        return report;
    }
}
