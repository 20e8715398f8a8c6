using GuestMemFs.Media;
using GuestMemFs.Native;

namespace GuestMemFs.Tests.Media;

/// <summary>docs/media.md says of each medium what the code says.</summary>
public sealed class CapabilityTableTests
{
    [Fact]
    public void The_table_in_the_documentation_is_what_the_media_state()
    {
        string document = File.ReadAllText(Path.Combine(Repository(), "docs", "media.md"));
        string table = string.Join('\n', Rows());
        Assert.True(document.Contains(table, StringComparison.Ordinal),
            "docs/media.md has to have this table:\n" + table);
    }

    private static IEnumerable<string> Rows()
    {
        yield return "| medium | survives process / kexec / power | page | longest file | files kept | fresh memory " +
            "is zero | unlink gives space back | free space is true | space is taken at | discard | flush |";
        yield return "|---|---|---|---|---|---|---|---|---|---|---|";
        yield return Row("guestmemfs, the kernel patches", GuestMemFsMedium.Stated);
        yield return Row("guestmemfs, our module", GuestMemFsModuleMedium.Stated);
        yield return Row("dax, on memory that keeps its content without power",
            DaxMedium.CapabilitiesWith(survivesPowerLoss: true));
        yield return Row("dax, on any other memory", DaxMedium.CapabilitiesWith(survivesPowerLoss: false));
        yield return Row("hugetlbfs, 2 MiB", HugetlbfsMedium.CapabilitiesWith(PageSizes.Huge2M));
        yield return Row("hugetlbfs, 1 GiB", HugetlbfsMedium.CapabilitiesWith(PageSizes.Huge1G));
        yield return Row("tmpfs, Linux 6.1 or `huge=`", TmpfsMedium.CapabilitiesWith(ShmemHuge.Collapse));
        yield return Row("tmpfs, without either", TmpfsMedium.CapabilitiesWith(ShmemHuge.No));
        yield return Row("memfd", MemfdMedium.CapabilitiesWith(ShmemHuge.Collapse));
        yield return Row("memfd, held by another process",
            MemfdMedium.CapabilitiesHeld(ShmemHuge.Collapse, Survives.ProcessExit));
        yield return Row("memfd, the same with the Live Update Orchestrator",
            MemfdMedium.CapabilitiesHeld(ShmemHuge.Collapse, Survives.ProcessExit | Survives.Kexec));
        yield return Row("directory", DirectoryMedium.Stated);
    }

    private static string Row(string medium, MediumCapabilities can)
    {
        string survives = string.Join(" / ",
            ((Survives[])[Survives.ProcessExit, Survives.Kexec, Survives.PowerLoss]).Select(s =>
                Word(can.Survives.HasFlag(s))));
        string files = can.MaximumFiles == int.MaxValue ? "any"
            : can.MaximumFiles.ToString(System.Globalization.CultureInfo.InvariantCulture);
        return $"| {medium} | {survives} | {Words.OfBytes(can.PageSize)} | {Words.OfBytes(can.MaximumFileLength)} " +
            $"| {files} | {Word(can.FreshMemoryIsZero)} | "
            + $"{Word(can.UnlinkFreesSpace)} | {Word(can.TruthfulFreeSpace)} " +
            $"| {(can.CreationTakesSpace ? "creation" : "`Reserve` or touch")} | {Word(can.CanDiscard)} " +
            $"| {Word(can.CanFlush)} |";
    }

    private static string Word(bool value) => value ? "yes" : "no";

    private static string Repository()
    {
        string directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "GuestMemFs.sln")))
        {
            directory = Path.GetDirectoryName(directory)
                ?? throw new InvalidOperationException("The tests do not run inside the repository.");
        }

        return directory;
    }
}
