using System.Runtime.CompilerServices;
using GuestMemFs.KernelLab.Image;
using GuestMemFs.KernelLab.Machines;
using GuestMemFs.KernelLab.Parts;

namespace GuestMemFs.KernelLab.Scenarios;

/// <summary>
/// What docs/guestmemfs.md says that the module's programs show, they show: where the module is made wrong in that
/// place, the program fails. And every point at which a crash can cut a change off, which needs the module built for
/// it. Long: <c>dotnet run -c Release --project tests/KernelLab -- long</c>.
/// </summary>
public sealed class MutantTests(Lab lab)
{
    private const string Whole = "whole", Points = "points", NoCommit = "points-without-commit", CrashTest =
        "-DGMFS_CRASH_TEST";
    private static readonly Kernel s_kernel = Kernel.Stock;
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(60);

    private static readonly (ModuleVariant Mutant, string Program)[] s_mutants =
    [
        (new("not-scrubbed-when-freed", "alloc.c",
            "\t\tscrub(r, block);\n\t\tentry_set_state(r, block, GMFS_BLOCK_CLEAN);\n\t\tgive_back(r, " +
            "block);\n\t}\n}\n\n/*\n * gmfs_alloc",
            "\t\tentry_set_state(r, block, GMFS_BLOCK_CLEAN);\n\t\tgive_back(r, block);\n\t}\n}\n\n/*\n * gmfs_alloc"),
            "maps"),
        (new("no-2m-pages", "file.c", "if (order != PMD_ORDER && order != PUD_ORDER)", "if (order != PUD_ORDER)"),
            "maps"),
        (new("no-1g-pages", "file.c", "if (order != PMD_ORDER && order != PUD_ORDER)", "if (order != PMD_ORDER)"),
            "maps"),
        (new("memory-beyond-the-end", "file.c", "pgoff_t end = DIV_ROUND_UP(i_size_read(inode), PAGE_SIZE);",
            "pgoff_t end = (pgoff_t)node->map_len * GMFS_BLOCK_PAGES;"), "maps"),
        (new("private-mappings", "file.c", "if (!(vma->vm_flags & VM_MAYSHARE))", "if (0)"), "maps"),
        (new("old-bytes-behind-the-end", "size.c", "\tzero_bytes(inode, old_size,",
            "\tif (0)\n\t\tzero_bytes(inode, old_size,"), "maps"),
        (new("space-not-told", "super.c", "buf->f_bfree = r->nr_free;", "buf->f_bfree = buf->f_blocks;"), "names"),
        (new("readable-through-dev-mem", "range.c", "r->res = request_mem_region_exclusive(r->base, r->size, " +
            "KBUILD_MODNAME);\n\tif (!r->res) {", "r->res = NULL;\n\tif (0) {"), "hidden"),
        (new("bad-memory-served", "file.c", "if (gmfs_entry_read(r, block) & GMFS_ENTRY_POISON)", "if (0)"),
            "memerr-sysfs"),
        (new("machine-checks-not-heard", "memerr.c", "mce_register_decode_chain(&machine_check_block);", ""),
            "memerr-mce"),
        (new("machine-checks-of-qemu-not-heard", "memerr.c", "r = gmfs_range_at(addr);",
            "r = mce->bank == 4 ? gmfs_range_at(addr) : NULL;"), "memerr-host"),
        (new("every-node-the-first", "range.c", "r->node = phys_to_target_node(r->base);", "r->node = 0;"), "numa.sh"),
        (new("another-filesystem-inside", "format.c", "\tif (other) {", "\tif (0) {"), "refuse.sh"),
        (new("newer-format-taken", "format.c", "if (le32_to_cpu(s->version) != GMFS_VERSION) {", "if (0) {"),
            "refuse.sh"),
        (new("owners-forgotten", "inode.c", "slot->uid = cpu_to_le32(i_uid_read(inode));", ""), "persist"),
        (new("times-forgotten", "inode.c", "slot->mtime_ns = to_ns(inode_get_mtime(inode));", ""), "persist"),
    ];

    [Fact(Explicit = true)]
    public void Where_the_module_is_made_wrong_the_program_for_it_fails()
    {
        ModuleVariant whole = new(Whole);
        using var disk = ModuleVariants.Build(lab.Parts, s_kernel, [whole, .. s_mutants.Select(one => one.Mutant)]);
        using var monitor = new QemuMonitor();
        Boot boot = ModuleMachine.WithTwoNodes("module-variants", s_kernel, monitor);
        string[] work = [.. s_mutants.Select(one => one.Program).Distinct().Select(program => $"{Whole}/{program}"),
            .. s_mutants.Select(one => $"{one.Mutant.Name}/{one.Program}")];
        Transcript run = lab.Run(boot with
        {
            Devices = [.. boot.Devices, .. disk.Devices],
            Arguments = new Dictionary<string, string>(boot.Arguments) { ["work"] = string.Join(',', work) },
            Limit = s_limit,
        }).MustSucceed();

        // "whole/maps right", "no-2m-pages/maps wrong: pmd-faults ..."
        Assert.Equal(work.Select(one => (one, one.StartsWith($"{Whole}/", StringComparison.Ordinal) ? "right"
            : "wrong")), run.All("variant").Select(told => told.Split(' ')).Select(words =>
                (words[0], words[1].TrimEnd(':'))));
    }

    [Fact(Explicit = true)]
    public void A_crash_at_each_point_of_a_change_is_survived()
    {
        Transcript run = AtPoints(new ModuleVariant(Points, Flags: CrashTest)).MustSucceed();

        Assert.InRange(run.Stages.Count, 100, int.MaxValue);
    }

    [Fact(Explicit = true)]
    public void Without_the_commit_word_a_crash_is_noticed()
    {
        Transcript run = AtPoints(new ModuleVariant(NoCommit, "journal.c", "\tgmfs_publish(r->commit,\n",
            "\tif (0)\n\t\tgmfs_publish(r->commit,\n", CrashTest));

        Assert.Contains(run.Failures, failure => failure.Contains("points.sh", StringComparison.Ordinal));
    }

    // Each crash resets the machine, which begins anew with its memory as it was.
    private Transcript AtPoints(ModuleVariant variant, [CallerMemberName] string test = "")
    {
        using var disk = ModuleVariants.Build(lab.Parts, Kernel.Own, [variant]);
        Boot boot = ModuleMachine.With("module-points");
        return lab.Run(boot with
        {
            Kernel = Kernel.Own,
            Resets = true,
            Devices = disk.Devices,
            Arguments = new Dictionary<string, string>(boot.Arguments) { ["variant"] = variant.Name },
            Limit = s_limit,
        }, test);
    }
}
