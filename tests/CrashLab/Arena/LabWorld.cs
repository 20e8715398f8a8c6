using System.Collections.Immutable;
using System.Runtime.InteropServices;
using GuestMemFs.Media;
using GuestMemFs.Native;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.CrashLab;

/// <summary>How a world's medium behaves.</summary>
internal enum WorldKind
{
    /// <summary>As tmpfs does: fresh memory is zero, unlinking gives space back.</summary>
    Kind,

    /// <summary>
    /// As the guestmemfs patches do: fresh memory is full of noise, unlinking gives nothing back, free space is not
    /// told.
    /// </summary>
    Strict,

    /// <summary>
    /// The same, and fresh memory holds another arena's files, block for block, as after a boot that kept the memory
    /// and forgot the files.
    /// </summary>
    OlderLife,
}

/// <summary>
/// The part of the world that outlives a process: the memory of a medium, and its files. Everything that happens to it
/// is in <see cref="Log"/>, with what was there before, so that any point in time can be gone back to. A shadow that
/// follows the log alone shows a store that went past the seam.
/// </summary>
/// <remarks>
/// One thread. The memory is one memfd, so that files can be mapped anywhere and twice; a file is a range of it that is
/// never handed out again.
/// </remarks>
internal sealed unsafe class LabWorld : StoreSink, IDisposable
{
    public const long BlockSize = 2L << 20;
    public const byte Stale = 0xA5;

    private readonly SafeFileHandle _memory;
    private readonly AddressReservation _view;
    private readonly byte* _shadow;
    private readonly List<(nint Address, long Length, long Start)> _mappings = [];

    public LabWorld(WorldKind kind, long capacity)
    {
        Kind = kind;
        Capacity = capacity;
        _memory = Descriptors.Own(Errno.Retry(() => Libc.MemfdCreate("lab", Libc.MFD_CLOEXEC)), "memfd_create", "lab");
        Assert.Equal(0, Libc.FTruncate(_memory, capacity));
        _view = new AddressReservation(capacity, BlockSize);
        Map(_view.Address, capacity, 0, writable: true);
        _shadow = (byte*)NativeMemory.AllocZeroed((nuint)capacity);
        if (kind != WorldKind.Kind)
        {
            new Span<byte>(_shadow, (int)capacity).Fill(Stale);
            new Span<byte>(_shadow, (int)capacity).CopyTo(Bytes);
        }
    }

    public WorldKind Kind { get; }

    public long Capacity { get; }

    public List<LabFile> Files { get; } = [];

    public List<LabEvent> Log { get; } = [];

    /// <summary>Which of the memory no file has. Set back, where files that were given some were never made.</summary>
    public Room Room { get; set; } = new(0, []);

    /// <summary>Creations to let through before one fails for want of room; -1 where none is to fail.</summary>
    public int CreationsUntilFull { get; set; } = -1;

    private Span<byte> Bytes => new((byte*)_view.Address, (int)Capacity);

    public override void Add(byte* at, long bytes, bool publishes)
    {
        if (bytes == 0)
        {
            return;
        }

        // The newest mapping of an address is the one that is there.
        for (int i = _mappings.Count - 1; i >= 0; i--)
        {
            (nint address, long length, long start) = _mappings[i];
            if ((nint)at >= address && (nint)at + bytes <= address + length)
            {
                long offset = start + ((nint)at - address);
                StoredBytes old = new(new ReadOnlySpan<byte>(_shadow + offset, (int)bytes));
                StoredBytes stored = new(new ReadOnlySpan<byte>(at, (int)bytes));
                stored.CopyTo(0, new Span<byte>(_shadow + offset, (int)bytes));
                Log.Add(new StoreEvent(offset, old, stored, publishes));
                return;
            }
        }

        throw new LabException($"a store of {bytes} bytes outside of all files");
    }

    /// <summary>Does something to the files and notes it.</summary>
    public void Do(LabEvent change)
    {
        change.Apply(this);
        Log.Add(change);
    }

    /// <summary>A new file's memory, which no other file ever had since the world began.</summary>
    public LabFile NewFile(string name, long length)
    {
        if (Room.Free.FirstOrDefault(range => range.Length == length) is { Length: > 0 } free)
        {
            Room = Room with { Free = Room.Free.Remove(free) };
            return new LabFile(name, free.Start);
        }

        if (Room.Next + length > Capacity)
        {
            throw new MediumException(MediumErrorKind.NoSpace, "create", name, Errno.ENOSPC,
                "The lab's memory is used up.");
        }

        LabFile file = new(name, Room.Next);
        Room = Room with { Next = Room.Next + length };
        return file;
    }

    public void MapFile(LabFile file, nint address, long length, bool writable)
    {
        Map(address, length, file.Start, writable);
        _mappings.RemoveAll(old => old.Address >= address && old.Address + old.Length <= address + length);
        _mappings.Add((address, length, file.Start));
    }

    /// <summary>The process is gone, and with it its mappings and locks.</summary>
    public void EndProcess()
    {
        _mappings.Clear();
        Files.ForEach(file => file.Locked = null);
    }

    /// <summary>
    /// Sets the process aside that is at work, so that others can be looked at; <see cref="Resume"/> brings it back to
    /// where it was.
    /// </summary>
    public LivingProcess Suspend()
    {
        LivingProcess process = new([.. _mappings],
            [.. Files.Where(file => file.Locked is not null).Select(file => (file, file.Locked!))], Room);
        EndProcess();
        return process;
    }

    public void Resume(LivingProcess process)
    {
        EndProcess();
        _mappings.AddRange(process.Mappings);
        process.Locks.ForEach(held => held.File.Locked = held.Holder);
        Room = process.Room;
    }

    /// <summary>Goes back to when the log was this long.</summary>
    public void GoBack(int mark)
    {
        for (int i = Log.Count - 1; i >= mark; i--)
        {
            Log[i].Revert(this);
        }

        Log.RemoveRange(mark, Log.Count - mark);
    }

    /// <summary>What is now is where time begins; where <paramref name="forget"/>, without any of the files.</summary>
    public void Begin(bool forget = false)
    {
        Log.Clear();
        EndProcess();
        if (forget)
        {
            Files.Clear();
            Room = new Room(0, []);
        }
    }

    /// <summary>
    /// Nobody is going back to before now: the log is forgotten, and where unlinking gives space back, so is what
    /// unlinked files held.
    /// </summary>
    public void Settle()
    {
        if (Kind == WorldKind.Kind)
        {
            foreach (LabFile file in Log.OfType<DeleteEvent>().Select(change => change.File))
            {
                Bytes.Slice((int)file.Start, (int)file.Length).Clear();
                new Span<byte>(_shadow + file.Start, (int)file.Length).Clear();
                Room = Room with { Free = Room.Free.Add((file.Start, file.Length)) };
            }
        }

        Log.Clear();
    }

    /// <summary>Puts a part of what was stored at an offset there.</summary>
    public void Poke(long offset, StoredBytes bytes, int from, int length)
    {
        bytes.CopyTo(from, new Span<byte>((byte*)_view.Address + offset + from, length));
        bytes.CopyTo(from, new Span<byte>(_shadow + offset + from, length));
    }

    /// <summary>Where a byte of the medium's memory is now.</summary>
    public byte* At(long offset) => (byte*)_view.Address + offset;

    /// <summary>Turns bits, and notes it.</summary>
    public void Flip(long offset, byte bits)
    {
        byte* at = (byte*)_view.Address + offset;
        StoredBytes old = new(new ReadOnlySpan<byte>(at, 1));
        *at ^= bits;
        _shadow[offset] = *at;
        Log.Add(new StoreEvent(offset, old, new StoredBytes(new ReadOnlySpan<byte>(at, 1)), publishes: false));
    }

    /// <summary>
    /// The first byte where the memory is not what the log says, or -1: a store that went past the seam.
    /// </summary>
    public long Difference()
    {
        int used = (int)Room.Next;
        int same = Bytes[..used].CommonPrefixLength(new ReadOnlySpan<byte>(_shadow, used));
        return same == used ? -1 : same;
    }

    public void Dispose()
    {
        _view.Dispose();
        _memory.Dispose();
        NativeMemory.Free(_shadow);
    }

    private void Map(nint address, long length, long start, bool writable)
    {
        int protection = Libc.PROT_READ | (writable ? Libc.PROT_WRITE : 0);
        if (Libc.MMap(address, (nuint)length, protection, Libc.MAP_SHARED | Libc.MAP_FIXED, _memory,
            start) == Libc.MAP_FAILED)
        {
            throw Errno.Exception(Errno.Last, "mmap", "lab");
        }
    }
}

/// <summary>What a process has of a world: mappings, locks.</summary>
internal sealed record LivingProcess(
    List<(nint Address, long Length, long Start)> Mappings, List<(LabFile File, object Holder)> Locks, Room Room);

/// <summary>Memory that no file has: all behind an offset, and ranges in front of it.</summary>
internal sealed record Room(long Next, ImmutableList<(long Start, long Length)> Free);

/// <summary>The lab saw something that must not be.</summary>
internal sealed class LabException(string message, Exception? inner = null) : InvalidOperationException(message, inner);
