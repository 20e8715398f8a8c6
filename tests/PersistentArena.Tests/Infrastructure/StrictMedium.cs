using GuestMemFs.Media;
using GuestMemFs.Native;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Tests.Infrastructure;

/// <summary>
/// The hardest medium: behaves as the guestmemfs kernel patches of 2024 do, in memory of this process, and says so
/// where they would lose or foreign memory would be handed out.
/// </summary>
/// <remarks>
/// One carve-out of 2 MiB blocks that nothing ever clears or gives back; a file is a list of blocks, set once. What the
/// kernel lets through and a library must never do is a <see cref="StrictViolationException"/>, and stands in
/// <see cref="Violations"/> in case somebody swallows it.
/// </remarks>
internal sealed unsafe class StrictMedium : Medium
{
    public const long BlockSize = 2L << 20;

    /// <summary>Byte that memory nobody ever used is full of.</summary>
    public const byte Stale = 0xA5;

    private readonly Lock _lock = new();
    private readonly StrictOptions _options;
    private readonly CarveOut _memory;
    private readonly List<Inode> _inodes = [];
    private int _nextBlock;
    private bool _frozen;
    private bool _gone;

    /// <summary>A carve-out full of stale bytes.</summary>
    public StrictMedium(StrictOptions? options = null)
        : this(options ?? new StrictOptions(), null)
    {
    }

    private StrictMedium(StrictOptions options, CarveOut? memory)
    {
        _options = options;
        _memory = memory ?? new CarveOut(options.CarveOut);
        Capabilities = GuestMemFsMedium.Stated with { MaximumFileLength = options.MaximumFileLength,
            MaximumFiles = options.MaximumFiles };
    }

    public override string Name => "strict";

    public override string Location => "strict:";

    public override MediumCapabilities Capabilities { get; }

    /// <summary>
    /// What was done that loses data or takes foreign memory on the real thing. A test ends with none.
    /// </summary>
    public List<string> Violations { get; } = [];

    /// <summary>True while serialised.</summary>
    public bool IsFrozen => _frozen;

    /// <summary>
    /// The size is true. f_bfree is always f_blocks, so the free space is a lie that a medium must not repeat.
    /// </summary>
    public override MediumSpace GetSpace() => new(_options.CarveOut, null);

    public override IReadOnlyList<string> ListFiles()
    {
        lock (_lock)
        {
            RequireHere();
            return [.. _inodes.Select(inode => inode.Name)];
        }
    }

    public override MediumFile? TryOpenFile(string name, bool writable)
    {
        FileRules.CheckName(name);
        lock (_lock)
        {
            RequireHere();
            return Find(name) is { } inode ? new StrictFile(this, inode, writable) : null;
        }
    }

    public override MediumFile CreateFile(string name, long length)
    {
        FileRules.CheckName(name);
        FileRules.CheckLength(Capabilities, length);
        return CreateForeignFile(name, length);
    }

    /// <summary>What somebody else could create: any length, rounded up to blocks in the carve-out.</summary>
    public MediumFile CreateForeignFile(string name, long length)
    {
        lock (_lock)
        {
            RequireHere();
            if (_frozen)
            {
                throw Errno.Exception(Errno.EBUSY, "create", name);
            }

            if (Find(name) is not null)
            {
                throw Errno.Exception(Errno.EEXIST, "create", name);
            }

            var inode = new Inode(name);
            _inodes.Add(inode);
            Truncate(inode, length);
            return new StrictFile(this, inode, writable: true);
        }
    }

    /// <summary>
    /// The ftruncate that nobody may make a second time: it allocates new blocks from index 0, and the old ones are
    /// lost.
    /// </summary>
    public void TruncateAgain(string name, long length)
    {
        lock (_lock)
        {
            Inode inode = Find(name) ?? throw Errno.Exception(Errno.ENOENT, "ftruncate", name);
            if (_frozen)
            {
                throw Errno.Exception(Errno.EBUSY, "ftruncate", name);
            }

            Truncate(inode, length);
            throw Violation($"'{name}' was truncated a second time: its data is lost.");
        }
    }

    /// <summary>Allowed even while serialised; gives no block back.</summary>
    public override void DeleteFile(string name)
    {
        lock (_lock)
        {
            RequireHere();
            _inodes.Remove(Find(name) ?? throw Errno.Exception(Errno.ENOENT, "unlink", name));
        }
    }

    /// <summary>
    /// Serialises, as writing 1 to /sys/kernel/kho/active does: create and truncate give EBUSY, mapped stores still
    /// work.
    /// </summary>
    public void Freeze() => _frozen = true;

    /// <summary>Takes that back.</summary>
    public void Thaw() => _frozen = false;

    /// <summary>The writer's process is gone: so are its locks. Its mappings are the test's to drop.</summary>
    public void SimulateProcessDeath()
    {
        lock (_lock)
        {
            _inodes.ForEach(inode => inode.LockedBy = null);
        }
    }

    /// <summary>
    /// A kexec: the same memory under a new kernel. Lengths are rounded up to blocks, modes are forgotten, files beyond
    /// the limit are gone, and the block lists are handed to other names. This medium is gone afterwards.
    /// </summary>
    /// <param name="seed">Any permutation, by this seed; without one each list goes to the next file.</param>
    /// <param name="keepNames">Leave the lists with their names: what a kernel without the off-by-one does.</param>
    public StrictMedium SimulateKexec(int? seed = null, bool keepNames = false)
    {
        lock (_lock)
        {
            RequireHere();
            _gone = true;
            var next = new StrictMedium(_options, _memory) { _nextBlock = _nextBlock };
            Inode[] kept = [.. _inodes.Take(_options.MaximumFiles)];
            int[] order = [.. Enumerable.Range(0, kept.Length)];
            if (seed is { } value)
            {
                new Random(value).Shuffle(order);
            }
            else if (!keepNames)
            {
                order = [.. order.Select(i => (i + kept.Length - 1) % kept.Length)];
            }

            for (int i = 0; i < kept.Length; i++)
            {
                int[] blocks = kept[order[i]].Blocks;
                next._inodes.Add(new Inode(kept[i].Name) { Blocks = blocks, Length = blocks.Length * BlockSize,
                    Mode = 0 });
            }

            return next;
        }
    }

    /// <summary>
    /// A boot that keeps the memory's content and nothing else: new files are full of an older life's bytes, block by
    /// block in the same order.
    /// </summary>
    public StrictMedium SimulateFreshMountOverOldContent()
    {
        lock (_lock)
        {
            RequireHere();
            _gone = true;
            return new StrictMedium(_options, _memory);
        }
    }

    /// <summary>Of a file; 0 after a kexec, which forgets it.</summary>
    public int ModeOf(string name) => Find(name)?.Mode ?? throw Errno.Exception(Errno.ENOENT, "stat", name);

    /// <summary>
    /// Gives the carve-out back, for all the lives it had. The media do not: an arena that disposes its medium must
    /// find it again.
    /// </summary>
    public void DestroyMemory() => _memory.Dispose();

    private Inode? Find(string name) => _inodes.Find(inode => inode.Name == name);

    private void RequireHere()
    {
        if (_gone)
        {
            throw new MediumException(MediumErrorKind.Missing, "open", Location, Errno.ENODEV,
                "This kernel is gone: a kexec was simulated.");
        }
    }

    private void Truncate(Inode inode, long length)
    {
        int count = (int)((length + BlockSize - 1) / BlockSize);
        if (length > _options.MaximumFileLength)
        {
            throw Violation($"'{inode.Name}' of {length} bytes is longer than a file's page of block numbers.");
        }

        if ((_nextBlock + count) * BlockSize > _options.CarveOut)
        {
            throw Violation($"'{inode.Name}' of {length} bytes reaches beyond the carve-out of {_options.CarveOut}: " +
                "foreign memory.");
        }

        inode.Blocks = [.. Enumerable.Range(_nextBlock, count)];
        inode.Length = length;
        _nextBlock += count;
        _memory.FirstUse(_nextBlock);
    }

    private StrictViolationException Violation(string message)
    {
        Violations.Add(message);
        return new StrictViolationException(message);
    }

    private sealed class Inode(string name)
    {
        public string Name { get; } = name;

        public int[] Blocks { get; set; } = [];

        public long Length { get; set; }

        public int Mode { get; init; } = 0b110_000_000;

        public StrictFile? LockedBy { get; set; }
    }

    private sealed class StrictFile(StrictMedium medium, Inode inode, bool writable) : MediumFile
    {
        public override string Name => inode.Name;

        public override long Length => inode.Length;

        public override bool IsWritable => writable;

        public override void MapAt(nint address, long length, bool writableMapping)
        {
            lock (medium._lock)
            {
                medium.RequireHere();
                if (writableMapping && !writable)
                {
                    throw new InvalidOperationException("The file was opened for reading.");
                }

                if (length > inode.Blocks.Length * BlockSize)
                {
                    throw medium.Violation(
                        $"{length} bytes of '{inode.Name}' were mapped, {inode.Length} are allocated: foreign memory.");
                }

                medium._memory.Map(address, length, inode.Blocks, writableMapping);
            }
        }

        public override void Reserve(long offset, long length)
        {
        }

        public override bool TryLock()
        {
            lock (medium._lock)
            {
                inode.LockedBy ??= this;
                return inode.LockedBy == this;
            }
        }

        public override bool TryDiscard(long offset, long length) => false;

        protected override void Dispose(bool disposing)
        {
            lock (medium._lock)
            {
                if (inode.LockedBy == this)
                {
                    inode.LockedBy = null;
                }
            }

            base.Dispose(disposing);
        }
    }

    /// <summary>
    /// The memory, with the blocks filled with stale bytes when they are first handed out (filling all ahead would cost
    /// every test).
    /// </summary>
    private sealed class CarveOut : IDisposable
    {
        private readonly SafeFileHandle _handle;
        private int _used;

        public CarveOut(long length)
        {
            _handle = Descriptors.Own(Errno.Retry(() => Libc.MemfdCreate("strict", Libc.MFD_CLOEXEC)), "memfd_create",
                "strict");
            Assert.Equal(0, Libc.FTruncate(_handle, length));
        }

        public void FirstUse(int end)
        {
            if (end <= _used)
            {
                return;
            }

            long length = (end - _used) * BlockSize;
            using var view = new AddressReservation(length, BlockSize);
            Map(view.Address, length, [.. Enumerable.Range(_used, end - _used)], writable: true);
            for (long at = 0; at < length; at += BlockSize)
            {
                new Span<byte>((byte*)view.Address + at, (int)BlockSize).Fill(Stale);
            }

            _used = end;
        }

        public void Map(nint address, long length, ReadOnlySpan<int> blocks, bool writable)
        {
            int protection = Libc.PROT_READ | (writable ? Libc.PROT_WRITE : 0);
            for (int i = 0; i * BlockSize < length; i++)
            {
                nint at = address + (nint)(i * BlockSize);
                long size = Math.Min(BlockSize, length - (i * BlockSize));
                nint got = Libc.MMap(at, (nuint)size, protection, Libc.MAP_SHARED | Libc.MAP_FIXED, _handle,
                    blocks[i] * BlockSize);
                if (got == Libc.MAP_FAILED)
                {
                    throw Errno.Exception(Errno.Last, "mmap", "strict");
                }
            }
        }

        public void Dispose() => _handle.Dispose();
    }
}

/// <summary>The sizes of a <see cref="StrictMedium"/>; small, so that striping is cheap to test.</summary>
internal sealed record StrictOptions
{
    /// <summary>Bytes of memory; taken only as it is used.</summary>
    public long CarveOut { get; init; } = 1L << 30;

    /// <summary>The longest file (1 GiB on the real thing).</summary>
    public long MaximumFileLength { get; init; } = 32L << 20;

    /// <summary>How many files a kexec keeps.</summary>
    public int MaximumFiles { get; init; } = 1024;
}

/// <summary>Something was done that the real medium lets through and that loses data.</summary>
internal sealed class StrictViolationException(string message) : InvalidOperationException(message);
