using GuestMemFs.Native;
using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Media;

/// <summary>The strict medium is as hard as it claims: one test for each line of what guestmemfs really does.</summary>
public sealed unsafe class StrictMediumTests : IDisposable
{
    private const long Block = StrictMedium.BlockSize;
    private readonly List<AddressReservation> _mappings = [];
    private StrictMedium _medium = new(new StrictOptions { CarveOut = 64 << 20, MaximumFileLength = 8 << 20,
        MaximumFiles = 4 });

    public void Dispose()
    {
        _mappings.ForEach(mapping => mapping.Dispose());
        _medium.DestroyMemory();
    }

    [Fact]
    public void It_states_what_the_real_one_states()
    {
        MediumCapabilities can = new StrictMedium().Capabilities;
        Assert.Equal(Survives.ProcessExit | Survives.Kexec, can.Survives);
        Assert.False(can.FreshMemoryIsZero || can.UnlinkFreesSpace || can.TruthfulFreeSpace || can.CanDiscard
            || can.CanFlush);
        Assert.True(can.CreationTakesSpace);
        Assert.Equal((1024, Block), (can.MaximumFiles, can.FileGranularity));
    }

    [Fact]
    public void Free_space_is_not_told_and_unlink_frees_nothing()
    {
        for (int i = 0; i < 8; i++)
        {
            _medium.CreateFile("a", 8 << 20).Dispose();
            _medium.DeleteFile("a");
        }

        Assert.Equal(new MediumSpace(64 << 20, null), _medium.GetSpace());
        Assert.Empty(_medium.ListFiles());
        StrictViolationException full = Assert.Throws<StrictViolationException>(() => _medium.CreateFile("b", Block));
        Assert.Contains("beyond the carve-out", full.Message, StringComparison.Ordinal);
        Assert.Equal([full.Message], _medium.Violations);
    }

    [Fact]
    public void Fresh_memory_is_stale()
    {
        byte* memory = Map(_medium.CreateFile("a", 4 << 20));
        Assert.Equal((StrictMedium.Stale, StrictMedium.Stale), (memory[0], memory[(4 << 20) - 1]));
    }

    [Fact]
    public void Fresh_memory_can_hold_an_older_life_to_the_last_byte()
    {
        byte* old = Map(_medium.CreateFile("arena.meta", 4 << 20));
        old[0] = 1;
        old[(4 << 20) - 1] = 2;
        Next(_medium.SimulateFreshMountOverOldContent());
        Assert.Empty(_medium.ListFiles());
        byte* fresh = Map(_medium.CreateFile("arena.meta", 4 << 20));
        Assert.Equal((1, 2), (fresh[0], fresh[(4 << 20) - 1]));
    }

    [Fact]
    public void A_second_truncate_loses_the_data_and_is_caught()
    {
        byte* memory = Map(_medium.CreateFile("a", Block));
        memory[0] = 1;
        Assert.Throws<StrictViolationException>(() => _medium.TruncateAgain("a", Block));
        Assert.Equal(StrictMedium.Stale, Map(_medium.TryOpenFile("a", writable: true)!)[0]);
        Assert.Single(_medium.Violations);
    }

    [Fact]
    public void A_mapping_beyond_what_was_allocated_is_caught()
    {
        using MediumFile file = _medium.CreateFile("a", Block);
        using var reservation = new AddressReservation(2 * Block, Block);
        Assert.Throws<StrictViolationException>(() => file.MapAt(reservation.Address, 2 * Block, writable: true));
        Assert.Single(_medium.Violations);
    }

    [Fact]
    public void A_file_has_a_page_of_block_numbers_and_no_more()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => _medium.CreateFile("a", 10 << 20));
        Assert.Throws<StrictViolationException>(() => _medium.CreateForeignFile("a", 10 << 20));
    }

    [Fact]
    public void Nothing_can_be_reserved_or_discarded_or_flushed()
    {
        using MediumFile file = _medium.CreateFile("a", Block);
        byte* memory = Map(file);
        memory[0] = 1;
        file.Reserve(0, Block);
        Assert.False(file.TryDiscard(0, Block));
        Assert.Equal(1, memory[0]);
        Assert.Throws<MediumException>(() => _medium.Flush((nint)memory, Block));
    }

    [Fact]
    public void Frozen_it_gives_EBUSY_for_create_and_truncate_and_keeps_stores()
    {
        byte* memory = Map(_medium.CreateFile("a", Block));
        _medium.Freeze();
        Assert.Equal(MediumErrorKind.Busy, Assert.Throws<MediumException>(() => _medium.CreateFile("b", Block)).Kind);
        Assert.Equal(Errno.EBUSY, Assert.Throws<MediumException>(() => _medium.TruncateAgain("a", Block)).Errno);
        memory[0] = 3;
        Next(_medium.SimulateKexec(keepNames: true));
        Assert.Equal(3, Map(_medium.TryOpenFile("a", writable: false)!)[0]);
        Assert.False(_medium.IsFrozen);
        Assert.Empty(_medium.Violations);
    }

    [Fact]
    public void Unlink_works_even_frozen_and_thaw_takes_the_freeze_back()
    {
        _medium.CreateFile("a", Block).Dispose();
        _medium.Freeze();
        _medium.DeleteFile("a");
        Assert.Empty(_medium.ListFiles());
        _medium.Thaw();
        _medium.CreateFile("a", Block).Dispose();
    }

    [Fact]
    public void A_kexec_hands_each_list_to_the_next_name_and_forgets_lengths_and_modes()
    {
        CreateMarked("a", "b", "c");
        _medium.CreateForeignFile("foreign", 5000).Dispose();
        Assert.Equal((5000, 0x180), (_medium.TryOpenFile("foreign", false)!.Length, _medium.ModeOf("foreign")));

        Next(_medium.SimulateKexec());

        Assert.Equal(["a", "b", "c", "foreign"], _medium.ListFiles());
        Assert.Equal((1, 2, 3), (MarkOf("b"), MarkOf("c"), MarkOf("foreign")));
        Assert.All(_medium.ListFiles(), name =>
            Assert.Equal((Block, 0), (_medium.TryOpenFile(name, false)!.Length, _medium.ModeOf(name))));
    }

    [Fact]
    public void A_kexec_with_a_seed_permutes_and_loses_nothing()
    {
        CreateMarked("a", "b", "c", "d");
        Next(_medium.SimulateKexec(seed: 3));
        int[] marks = [.. _medium.ListFiles().Select(MarkOf)];
        Assert.NotEqual([1, 2, 3, 4], marks);
        Assert.Equal([1, 2, 3, 4], marks.Order());
    }

    [Fact]
    public void Files_beyond_the_limit_are_gone_after_a_kexec_and_their_blocks_stay_taken()
    {
        CreateMarked("a", "b", "c", "d", "e");
        Next(_medium.SimulateKexec(keepNames: true));
        Assert.Equal(["a", "b", "c", "d"], _medium.ListFiles());
        using MediumFile file = _medium.CreateFile("f", Block);
        Assert.Equal(StrictMedium.Stale, Map(file)[0]);
    }

    [Fact]
    public void After_a_kexec_the_old_kernel_is_gone()
    {
        StrictMedium old = _medium;
        using MediumFile file = old.CreateFile("a", Block);
        Next(old.SimulateKexec());
        Assert.Equal(MediumErrorKind.Missing, Assert.Throws<MediumException>(() => old.ListFiles()).Kind);
        Assert.Throws<MediumException>(() => old.CreateFile("b", Block));
        Assert.Throws<MediumException>(() => Map(file));
    }

    [Fact]
    public void Locks_die_with_their_process()
    {
        _medium.CreateFile("a", Block).Dispose();
        MediumFile left = _medium.TryOpenFile("a", writable: true)!;
        Assert.True(left.TryLock());
        using MediumFile next = _medium.TryOpenFile("a", writable: true)!;
        Assert.False(next.TryLock());
        _medium.SimulateProcessDeath();
        Assert.True(next.TryLock());
        left.Dispose();
        using MediumFile third = _medium.TryOpenFile("a", writable: true)!;
        Assert.False(third.TryLock());
    }

    [Fact]
    public void A_test_that_mistreats_it_fails_even_where_the_exception_was_swallowed()
    {
        TestMedium place = TestMedia.Create("strict");
        using (Medium medium = place.Open())
        {
            medium.CreateFile("a", Block).Dispose();
            Assert.Throws<StrictViolationException>(() => place.Strict!.TruncateAgain("a", Block));
        }

        Assert.ThrowsAny<Xunit.Sdk.XunitException>(place.Dispose);
    }

    private void CreateMarked(params string[] names)
    {
        for (int i = 0; i < names.Length; i++)
        {
            Map(_medium.CreateFile(names[i], Block))[Block - 1] = (byte)(i + 1);
        }
    }

    private int MarkOf(string name) => Map(_medium.TryOpenFile(name, writable: false)!)[Block - 1];

    private void Next(StrictMedium medium)
    {
        Assert.Empty(_medium.Violations);
        _medium = medium;
    }

    private byte* Map(MediumFile file)
    {
        var reservation = new AddressReservation(file.Length, Block);
        _mappings.Add(reservation);
        file.MapAt(reservation.Address, file.Length, file.IsWritable);
        return (byte*)reservation.Address;
    }
}
