namespace GuestMemFs.LiveUpdate.Tests.Kept;

/// <summary>Each way to lose the memory without a word is found before, and the remedy is named.</summary>
public sealed class LuoPreflightTests
{
    private static readonly KernelSettings s_next = new() { Image = "/dev/null", CommandLine = "kho=on liveupdate=on",
        Entry = KernelEntry.Direct };

    /// <summary>A machine on which nothing is wrong.</summary>
    internal static LuoFacts Good => new() { Support = Support("kho=on liveupdate=on", device: true),
        Available = 1L << 40, Running = "kho=on liveupdate=on kho_scratch=64M,0,64M", Systemd = false };

    [Fact]
    public void Where_nothing_is_wrong_nothing_is_said() => Assert.Empty(Check(s_next, Good));

    [Theory]
    [InlineData("quiet", "lacks kho=on liveupdate=on")]
    [InlineData("kho=on", "lacks liveupdate=on")]
    [InlineData("liveupdate=on kho=on kho=off", "lacks kho=on")]
    public void The_next_command_line_must_ask_for_it(string commandLine, string expected)
    {
        LiveUpdateFinding finding = Assert.Single(Check(s_next with { CommandLine = commandLine }, Good));
        Assert.True(finding.IsFatal);
        Assert.Contains(expected, finding.Text, StringComparison.Ordinal);
        Assert.Contains("Add kho=on liveupdate=on", finding.Remedy, StringComparison.Ordinal);
        Assert.Empty(Check(s_next with { CommandLine = commandLine.Replace("kho=off", "", StringComparison.Ordinal),
            Append = "kho=on liveupdate=on" }, Good));
    }

    [Fact]
    public void The_running_kernel_must_have_it()
    {
        LiveUpdateFinding finding = Assert.Single(
            Check(s_next, Good with { Support = Support("kho=on", device: false) }));
        Assert.True(finding.IsFatal);
        Assert.Contains("lacks liveupdate=on", finding.Text, StringComparison.Ordinal);
        Assert.Contains("Boot with kho=on liveupdate=on", finding.Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(KernelEntry.Systemctl, false, true)]
    [InlineData(KernelEntry.Auto, true, true)]
    [InlineData(KernelEntry.Auto, false, false)]
    [InlineData(KernelEntry.Direct, true, false)]
    public void Nobody_may_end_the_process_that_holds_the_sessions(KernelEntry entry, bool systemd, bool found)
    {
        IReadOnlyList<LiveUpdateFinding> findings = Check(s_next with { Entry = entry },
            Good with { Systemd = systemd });
        Assert.Equal(found, findings.Count == 1 && findings[0].IsFatal
            && findings[0].Text.StartsWith("systemctl kexec ends all processes", StringComparison.Ordinal));
        Assert.Equal(found ? 1 : 0, findings.Count);
    }

    [Theory]
    [InlineData("kho=on", false, "default size")]
    [InlineData("kho_scratch=300%", false, "default size")]
    [InlineData("kho_scratch=16M,0,16M", true, "The largest scratch area has 16777216 bytes")]
    public void The_scratch_areas_must_do(string running, bool fatal, string expected)
    {
        LiveUpdateFinding finding = Assert.Single(Check(s_next, Good with { Running = running }));
        Assert.Equal(fatal, finding.IsFatal);
        Assert.Contains(expected, finding.Text, StringComparison.Ordinal);
        Assert.Contains("Boot with kho_scratch=64M,0,64M", finding.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void A_large_kernel_takes_larger_scratch_areas()
    {
        string image = Path.GetTempFileName();
        using (FileStream file = File.OpenWrite(image))
        {
            file.SetLength(50 << 20);
        }

        LiveUpdateFinding finding = Assert.Single(Check(s_next with { Image = image }, Good));
        File.Delete(image);
        Assert.True(finding.IsFatal);
        Assert.Contains("kho_scratch=100M,0,100M", finding.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void The_memory_must_have_room_to_be_filled()
    {
        var holder = new ProcessHolder("shop");
        try
        {
            using (Medium medium = Medium.FromHolder(holder))
            using (PersistentArena arena = PersistentArena.Create(new ArenaOptions { Medium = medium }))
            {
                arena.CreateRegion("a", 1L << 30, new RegionOptions { Reserve = RegionReserve.OnDemand }).Dispose();
                arena.Freeze();
            }

            using ArenaMemory memory = ArenaMemory.OfHolder(holder);
            Assert.Empty(Check(s_next, Good, memory));
            LiveUpdateFinding finding = Assert.Single(Check(s_next, Good with { Available = 512 << 20 }, memory));
            Assert.True(finding.IsFatal);
            Assert.Contains("and 536870912 are available", finding.Text, StringComparison.Ordinal);
            Assert.Contains("--size", finding.Remedy, StringComparison.Ordinal);
        }
        finally
        {
            holder.Release();
        }
    }

    [Fact]
    public void An_arena_that_moves_is_refused()
    {
        var holder = new ProcessHolder("shop");
        try
        {
            using (Medium medium = Medium.FromHolder(holder))
            {
                PersistentArena.Create(new ArenaOptions { Medium = medium }).Dispose();
            }

            using ArenaMemory memory = ArenaMemory.OfHolder(holder);
            LiveUpdateFinding finding = Assert.Single(LuoPreflight.CheckFrozen("shop", memory));
            Assert.True(finding.IsFatal);
            Assert.Contains("not frozen", finding.Text, StringComparison.Ordinal);
            Assert.Contains("Stop its program", finding.Remedy, StringComparison.Ordinal);
        }
        finally
        {
            holder.Release();
        }
    }

    [Fact]
    public void Pages_of_the_pool_are_refused()
    {
        const string pool = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";
        const int pages = 16;
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "takes root, to have huge pages set aside");
        long before = long.Parse(File.ReadAllText(pool), System.Globalization.CultureInfo.InvariantCulture);
        File.WriteAllText(pool, $"{before + pages}");
        try
        {
            Assert.SkipUnless(long.Parse(File.ReadAllText(pool), System.Globalization.CultureInfo.InvariantCulture)
                == before + pages, "the kernel has not enough memory in one piece for huge pages");
            using Medium medium = Medium.InMemory("shop", reservedHugePages: true);
            using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Medium = medium });
            arena.Freeze();
            using ArenaMemory memory = ArenaMemory.OfProcess(Environment.ProcessId, arena.Id);
            LiveUpdateFinding finding = Assert.Single(Check(s_next, Good, memory));
            Assert.True(finding.IsFatal);
            Assert.StartsWith("arena.meta is of pages of the hugetlb pool", finding.Text, StringComparison.Ordinal);
            Assert.Contains("gmfs dump", finding.Remedy, StringComparison.Ordinal);
        }
        finally
        {
            File.WriteAllText(pool, $"{before}");
        }
    }

    [Fact]
    public void What_was_kept_is_told_in_a_word_that_can_be_read_again()
    {
        var word = new KeptWord("shop", Guid.NewGuid(), 3, 123456789012, Guid.NewGuid());
        string line = KeptWord.Write("quiet gmfs.kept=old,1 kho=on", [word]);
        Assert.Equal($"quiet kho=on {word}", line);
        Assert.Equal([word], KeptWord.Read(line + "\n"));
        Assert.Empty(KeptWord.Read("gmfs.kept=shop,x,1,2,y gmfs.kept= gmfs.kept"));
        // One word to the kernel.
        Assert.Equal($"dyndbg=\"file a.c  +p\" {word}", KeptWord.Write("dyndbg=\"file a.c  +p\"", [word]));
        Assert.Empty(KeptWord.Read($"dyndbg=\"a {word} b\""));
    }

    private static IReadOnlyList<LiveUpdateFinding> Check(
        KernelSettings next, LuoFacts facts, ArenaMemory? memory = null) =>
        [.. LuoPreflight.Check(memory is null ? [] : [("shop", memory)], next, facts)];

    private static LuoSupport Support(string words, bool device)
    {
        using var root = new TestFolder();
        Directory.CreateDirectory(root["proc/sys/kernel"]);
        Directory.CreateDirectory(root["dev"]);
        File.WriteAllText(root["proc/sys/kernel/osrelease"], "7.2.0");
        File.WriteAllText(root["proc/cmdline"], words);
        if (device)
        {
            File.WriteAllText(root["dev/liveupdate"], "");
        }

        return LuoSupport.Ask(root[""]);
    }
}
