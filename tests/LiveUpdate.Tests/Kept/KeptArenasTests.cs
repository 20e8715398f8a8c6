using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.LiveUpdate.Tests.Kept;

/// <summary>
/// Arenas over a kexec that is played: a real holder and real memory, a kernel that stands in. The real one is in
/// tests/KernelLab.
/// </summary>
public sealed class KeptArenasTests : IDisposable
{
    private const string Store = "shop";
    private static readonly KernelSettings s_next = new() { Image = "/boot/next",
        CommandLine = "quiet kho=on liveupdate=on", Entry = KernelEntry.Direct };
    private readonly TestFolder _folder = new();
    private readonly LuoKernelSimulator _luo = new();
    private List<string> _steps = [];
    private readonly StandInKernel _kernel = new();
    private HoldServer _holder;

    public KeptArenasTests() => _holder = HoldServer.Start(_folder["s"]);

    [Fact]
    public void An_arena_goes_over_two_kexecs_and_every_byte_with_it()
    {
        Guid id = Write(0);
        for (int hop = 1; hop <= 2; hop++)
        {
            _luo.Log.Clear();
            using KeptArenas old = Keeper(out List<string> steps);
            Kexec(old).Enter([Store], s_next);
            Assert.Equal([$"{Store}: frozen", "kernel: loaded", $"{Store}: preserved"], steps);
            Assert.Equal(["preserve 0", "preserve 1", "preserve 2"], _luo.Log);
            KeptWord word = Assert.Single(KeptWord.Read(_kernel.CommandLine));
            Assert.Equal((Store, id, 3), (word.Store, word.ArenaId, word.Files));

            NextKernel();
            using KeptArenas next = Keeper(out _);
            KeptOutcome outcome = Assert.Single(next.Restore([], _kernel.CommandLine));
            Assert.Equal((Store, id, null), (outcome.Store, outcome.ArenaId, outcome.Lost));
            Assert.Equal(["retrieve 0", "retrieve 1", "retrieve 2", "finish"], _luo.Log);
            Assert.Equal(id, Write(hop)); // It says that what was written before is there.
        }
    }

    [Fact]
    public void What_is_not_there_after_the_kexec_is_told_by_who_restores_and_by_the_next_attach()
    {
        Guid id = Write(0);
        KeptArenas old = Keeper(out _);
        Kexec(old).Enter([Store], s_next);
        old.Dispose(); // The process that held the sessions has ended.
        NextKernel();
        using KeptArenas next = Keeper(out _);
        KeptOutcome outcome = Assert.Single(next.Restore([], _kernel.CommandLine));
        Assert.Equal(id, outcome.ArenaId);
        Assert.Contains($"Arena {id}, {outcome.Bytes} bytes, was preserved under boot", outcome.Lost,
            StringComparison.Ordinal);
        Assert.Contains("No session of that name came over the kexec", outcome.Lost, StringComparison.Ordinal);

        using Medium medium = Medium.FromHolder(Holders.Open(_folder["s"], Store));
        using PersistentArena arena = PersistentArena.OpenOrCreate(new ArenaOptions { Medium = medium });
        AttachReason reason = Assert.Single(arena.AttachReport.Reasons);
        Assert.Equal(ReasonCodes.Created, reason.Code);
        Assert.Contains($"Arena {id}, ", reason.Text, StringComparison.Ordinal);
        Assert.Contains("it is lost", reason.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_kernel_without_the_orchestrator_loses_it_and_says_so()
    {
        Write(0);
        using KeptArenas old = Keeper(out _);
        Kexec(old).Enter([Store], s_next);
        NextKernel();
        _luo.Available = false;
        using KeptArenas next = Keeper(out _);
        string lost = Assert.Single(next.Restore([], _kernel.CommandLine)).Lost!;
        Assert.Contains("it is lost. Live Update Orchestrator: open (/dev/liveupdate) failed", lost,
            StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_never_kept_is_not_called_lost()
    {
        using KeptArenas next = Keeper(out _);
        Assert.Empty(next.Restore([], "quiet"));
        Assert.StartsWith("Nothing says that 'shop' was kept over the last kexec",
            Assert.Single(next.Restore([Store], "quiet")).Lost, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_arena_than_was_kept_is_not_given_out()
    {
        Write(0);
        using KeptArenas old = Keeper(out _);
        Kexec(old).Enter([Store], s_next);
        NextKernel();
        var other = new KeptWord(Store, Guid.NewGuid(), 3, 1, Guid.NewGuid());
        using KeptArenas next = Keeper(out _);
        Assert.Contains($"and arena {other.ArenaId} was kept", Assert.Single(next.Restore([], other.ToString())).Lost,
            StringComparison.Ordinal);
        Assert.Empty(_holder.Stores);
    }

    [Theory]
    [InlineData(LuoAbi.CreateSession, 17)]
    [InlineData(LuoAbi.PreserveDescriptor, 12)]
    public void What_the_kernel_refuses_is_taken_back(uint request, int errno)
    {
        Write(0);
        _luo.Refusal = (request, errno);
        using KeptArenas keeper = Keeper(out _);
        Assert.Throws<LuoException>(() => Kexec(keeper).Enter([Store], s_next));
        Assert.Equal((0, false), (_kernel.Entered, _kernel.IsLoaded));
        Write(1); // Not frozen.
        _luo.Kexec();
        _luo.Refusal = null;
        Assert.Throws<LuoException>(() => RetrievedArena.Retrieve(LuoDevice.Open(_luo), Store));
    }

    [Fact]
    public void A_session_that_is_gone_before_the_kexec_stops_it()
    {
        Write(0);
        // Looks for real sessions, which these are not.
        using var keeper = new KeptArenas(store => Holders.Open(_folder["s"], store), _luo, null);
        HoldingException e = Assert.Throws<HoldingException>(() => Kexec(keeper).Enter([Store], s_next));
        Assert.Contains("Nobody holds session 'gmfs-shop' any more", e.Message, StringComparison.Ordinal);
        Assert.Equal((0, false), (_kernel.Entered, _kernel.IsLoaded));
        Write(1);
    }

    [Fact]
    public void A_writer_that_has_not_frozen_it_is_named()
    {
        Write(0);
        using Medium medium = Medium.FromHolder(Holders.Open(_folder["s"], Store));
        using PersistentArena writer = PersistentArena.Open(new ArenaOptions { Medium = medium });
        using KeptArenas keeper = Keeper(out _);
        HoldingException e = Assert.Throws<HoldingException>(() => Kexec(keeper).Enter([Store], s_next));
        Assert.Contains($"has a writer, process {Environment.ProcessId}, and is not frozen", e.Message,
            StringComparison.Ordinal);
        Assert.Equal(0, _kernel.Entered);
        Assert.Contains(Kexec(keeper).Check([Store], s_next), finding => finding is { IsFatal: true, Subject: Store });

        writer.Freeze(); // It stands still, and may live until the kernel goes.
        using KeptArenas again = Keeper(out _);
        Kexec(again).Enter([Store], s_next);
        Assert.Equal(1, _kernel.Entered);
    }

    [Fact]
    public void What_moves_is_not_preserved()
    {
        Write(0);
        using var holder = new DaemonHolder(_folder["s"], Store);
        using ArenaMemory memory = ArenaMemory.OfHolder(holder);
        using LuoDevice device = LuoDevice.Open(_luo);
        Assert.Contains("is not frozen", Assert.Throws<HoldingException>(() =>
            PreservedArena.Preserve(device, Store, memory)).Message, StringComparison.Ordinal);
        Assert.Empty(_luo.Log);
    }

    [Fact]
    public void An_arena_that_is_not_whole_is_refused_with_what_is_missing()
    {
        Write(0);
        using (var holder = new DaemonHolder(_folder["s"], Store))
        {
            holder.Drop("extent-2");
        }

        using KeptArenas keeper = Keeper(out _);
        LiveUpdateFinding finding = Assert.Single(Kexec(keeper).Check([Store], s_next), finding => finding.IsFatal);
        Assert.Contains("1 of its 3 memfds are not there (extent-2,", finding.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_is_found_in_a_process_whatever_it_is_called_there()
    {
        Guid id = Write(0);
        using Medium medium = Medium.FromHolder(Holders.Open(_folder["s"], Store));
        using ArenaMemory memory = ArenaMemory.OfProcess(Environment.ProcessId, id);
        Assert.Equal((id, 3), (memory.Contents.ArenaId, memory.Files.Count));
        Assert.Throws<HoldingException>(() => ArenaMemory.OfProcess(Environment.ProcessId, Guid.NewGuid()));
        Assert.Throws<HoldingException>(() => ArenaMemory.OfProcess(int.MaxValue));
    }

    public void Dispose()
    {
        _holder.Dispose();
        _folder.Dispose();
    }

    internal static LuoFacts Facts() => LuoPreflightTests.Good;

    private KeptArenas Keeper(out List<string> steps)
    {
        _steps = steps = [];
        return new KeptArenas(store => Holders.Open(_folder["s"], store), _luo, new Told(_steps))
        {
            RequireHeld = _ => { },
        };
    }

    private KeptKexec Kexec(KeptArenas arenas) => new(arenas, _kernel, Facts, new Told(_steps));

    /// <summary>Every process ends, the holder too; what sessions held comes along.</summary>
    private void NextKernel()
    {
        _luo.Kexec();
        _kernel.Replace();
        _holder.Dispose();
        _holder = HoldServer.Start(_folder["s"]);
    }

    /// <summary>Checks what was written in earlier lives, writes one more, and closes it.</summary>
    private Guid Write(int life)
    {
        using Medium medium = Medium.FromHolder(Holders.Open(_folder["s"], Store));
        using PersistentArena arena = PersistentArena.OpenOrCreate(
            new ArenaOptions { Medium = medium, MetadataSize = 2 << 20 });
        if (arena.IsFrozen)
        {
            arena.Thaw(); // Under another kernel the first writer does; here it is the same one still.
        }

        if (life == 0)
        {
            arena.CreateRegion("a", 4 << 20).Dispose();
            arena.CreateRegion("b", 6 << 20).Dispose();
        }

        using PersistentRegion a = arena.OpenRegion("a");
        using PersistentRegion b = arena.OpenRegion("b");
        for (int before = 0; before < life; before++)
        {
            Assert.Equal(before + 1, a.AsSpan(before, 1)[0]);
            Assert.Equal(before + 1, b.AsSpan(b.Length - 1 - before, 1)[0]);
        }

        a.AsSpan(life, 1)[0] = (byte)(life + 1);
        b.AsSpan(b.Length - 1 - life, 1)[0] = (byte)(life + 1);
        return arena.Id;
    }

    private sealed class Told(List<string> steps) : IProgress<LiveUpdateProgress>, IProgress<KeptProgress>
    {
        public void Report(KeptProgress value) => steps.Add($"{value.Store}: {value.Text}");

        public void Report(LiveUpdateProgress value) => steps.Add($"{value.Subject}: {value.Text}");
    }
}
