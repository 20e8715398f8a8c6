using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GuestMemFs;

namespace KvStore.Replication;

/// <summary>
/// The history of changes that replicas follow: its last bytes in a ring, which is a region of the arena, and its
/// length in the heap, where one store makes it true together with the change that it records.
/// </summary>
/// <remarks>
/// <para>A record is appended within the group of its change, in these steps:</para>
/// <code>
///   First   = what the ring still has once the record is in it
///   Before  = where the history ends; Behind = where it will end
///   the bytes, behind the end of the history: nobody reads them yet
///   the heap's position, in the group       // true with the group's commit, as the change is
/// </code>
/// <para>1. The position is Before or Behind. Without it (the heap came out of a backup, the ring out of another life)
/// the ring is not this data's, and a new history begins.</para>
/// <para>2. What lies between First and the position is the history's. First rises before the bytes are overwritten.
/// Without it a replica would get bytes of a record that never came true.</para>
/// <para>3. Each process that writes has the arena's next epoch, and opens the ring. Without it a program that knows
/// of no history (an older version) could have changed the data in between.</para>
/// <para>Used under the engine's gate.</para>
/// </remarks>
internal sealed class Backlog : IDisposable
{
    private const string RegionName = "replication";
    private const string RootName = "replication";

    private readonly PersistentRegion _region;
    private readonly PersistentRoot<HistoryPosition> _position;
    private readonly bool _flushes;
    private ReplicationId _id;
    private long _prepared;

    private Backlog(PersistentRegion region, PersistentRoot<HistoryPosition> position)
    {
        _region = region;
        _position = position;
        _flushes = AppContext.TryGetSwitch("GuestMemFs.PersistThroughPowerLoss", out bool on) && on;
        Reread();
    }

    /// <summary>Which history it is.</summary>
    public ReplicationId Id => _id;

    /// <summary>The id that it had before; all zeros where it had none.</summary>
    public ReplicationId SecondId => Header.SecondId;

    /// <summary>Up to here it is the history of <see cref="SecondId"/> too.</summary>
    public long SecondEnd => Header.SecondEnd;

    /// <summary>Bytes of the history; where the next one stands.</summary>
    public long Offset { get; private set; }

    /// <summary>The first byte that the ring has.</summary>
    public long First => Math.Min(Header.First, Offset);

    /// <summary>Bytes of the ring.</summary>
    public long Capacity => Header.Capacity;

    private ref BacklogHeader Header =>
        ref MemoryMarshal.AsRef<BacklogHeader>(_region.AsSpan(0, Unsafe.SizeOf<BacklogHeader>()));

    /// <summary>The one that is there and is the data's; null where there is none, and why one that is there is
    /// not.</summary>
    public static Backlog? TryOpen(PersistentArena arena, PersistentHeap heap, out string? reason)
    {
        reason = null;
        if (arena.FindRegion(RegionName) is not { Kind: RegionKind.Raw } || arena.IsReadOnly)
        {
            return null;
        }

        PersistentRegion region = arena.OpenRegion(RegionName, RegionKind.Raw);
        PersistentRoot<HistoryPosition> position = heap.OpenOrCreateRoot<HistoryPosition>(RootName);
        BacklogHeader header = MemoryMarshal.Read<BacklogHeader>(region.AsSpan(0, BacklogHeader.Length));
        HistoryPosition at = position.Value;
        bool isRenamed = header.Id != at.Id && header.NextId == at.Id;
        header.Id = isRenamed ? at.Id : header.Id;
        reason = header.State != BacklogHeader.Whole ? "its backlog was given up"
            : header.Id != at.Id ? "the store's data is of another history"
            : header.Capacity <= 0 || header.Capacity > region.Length - BacklogHeader.Length ? "its backlog is damaged"
            : header.Epoch + 1 < arena.AttachReport.Epoch ? "another program has had the store in between"
            : at.Offset != header.Before && at.Offset != header.Behind ? "the store's data is older than its backlog"
            : null;
        if (reason is null)
        {
            Backlog backlog = new(region, position);
            backlog.Header.Epoch = arena.AttachReport.Epoch;
            backlog.Header.Id = at.Id;
            return backlog;
        }

        region.Dispose();
        return null;
    }

    /// <summary>Begins a new history, in place of what is there.</summary>
    /// <param name="arena">Where its ring is.</param>
    /// <param name="heap">Where its position is.</param>
    /// <param name="capacity">Bytes of the ring.</param>
    /// <param name="begin">Whose it is, and where it goes on: a master's; null for one of its own.</param>
    /// <exception cref="ArenaException">There is no room for it.</exception>
    public static Backlog Create(
        PersistentArena arena, PersistentHeap heap, long capacity, HistoryPosition? begin = null)
    {
        Delete(arena);
        long length = (BacklogHeader.Length + capacity + RegionOptions.MinimumLength - 1)
            / RegionOptions.MinimumLength * RegionOptions.MinimumLength;
        PersistentRegion region = arena.CreateRegion(
            RegionName, length, new RegionOptions { Kind = RegionKind.Raw, Reserve = RegionReserve.Full });
        try
        {
            PersistentRoot<HistoryPosition> position = heap.OpenOrCreateRoot<HistoryPosition>(RootName);
            long offset = begin?.Offset ?? position.Value.Offset;
            ReplicationId id = begin?.Id ?? ReplicationId.Random();
            ref BacklogHeader header =
                ref MemoryMarshal.AsRef<BacklogHeader>(region.AsSpan(0, Unsafe.SizeOf<BacklogHeader>()));
            header = new BacklogHeader
            {
                Capacity = capacity,
                Id = id,
                First = offset,
                Before = offset,
                Behind = offset,
                Epoch = arena.AttachReport.Epoch,
            };
            Volatile.Write(ref header.State, BacklogHeader.Whole);
            // The data is of the new history from here on, and its ring is there already.
            position.Set(new HistoryPosition { Id = id, Offset = offset }); // COMMIT POINT: new history
            return new Backlog(region, position);
        }
        catch
        {
            region.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The history goes on under another id: its master has got one, or there is no master any more. What it was is
    /// remembered: replicas that followed it under that id go on.
    /// </summary>
    /// <remarks>Not inside a group.</remarks>
    public void Rename(ReplicationId id)
    {
        ref BacklogHeader header = ref Header;
        // True before the id changes as well.
        header.SecondEnd = Offset;
        header.SecondId = _id;
        header.NextId = id;
        Flush();
        Interlocked.MemoryBarrier();
        _position.Set(new HistoryPosition { Id = id, Offset = Offset }); // COMMIT POINT: history renamed
        header.Id = id;
        Reread();
    }

    /// <summary>
    /// Appends a record, in the open group; it is the history's once the group is committed
    /// (<see cref="Reread"/>).
    /// </summary>
    /// <exception cref="ArenaOutOfSpaceException">There is no room in the heap.</exception>
    public void Append(ReadOnlySpan<byte> record)
    {
        ref BacklogHeader header = ref Header;
        long at = _prepared;
        long behind = at + record.Length;
        // Before the bytes are overwritten: a kill leaves a ring that says so.
        Volatile.Write(ref header.First, Math.Max(header.First, behind - header.Capacity));
        // Before Behind: at each instant one of the two is the heap's position.
        Volatile.Write(ref header.Before, Offset);
        Volatile.Write(ref header.Behind, behind);
        ReadOnlySpan<byte> kept = record[(int)Math.Max(0, record.Length - header.Capacity)..];
        Write(behind - kept.Length, kept);
        Flush();
        // The group's commit makes it true.
        _position.Set(new HistoryPosition { Id = _id, Offset = behind });
        _prepared = behind;
    }

    /// <summary>A group was committed or taken back: reads where the history ends.</summary>
    public void Reread()
    {
        HistoryPosition at = _position.Value;
        _id = at.Id;
        Offset = _prepared = at.Offset;
    }

    /// <summary>Bytes of the history from one on, as many as lie in one piece; none at its end.</summary>
    public ReadOnlySpan<byte> PieceFrom(long offset)
    {
        long capacity = Header.Capacity;
        long place = offset % capacity;
        int length = (int)Math.Min(Math.Min(Offset - offset, capacity - place), 1 << 20);
        return _region.AsSpan(BacklogHeader.Length + place, length);
    }

    /// <summary>
    /// The data is about to change without a record: the ring is no history of it any more. Over a kill as well.
    /// </summary>
    public void GiveUp() => Volatile.Write(ref Header.State, 0);

    /// <summary>Closes it; the history stays in the arena.</summary>
    public void Dispose() => _region.Dispose();

    /// <summary>Removes what is there; it has to be closed.</summary>
    public static void Delete(PersistentArena arena)
    {
        if (arena.FindRegion(RegionName) is not null)
        {
            arena.DeleteRegion(RegionName);
        }
    }

    private void Flush()
    {
        if (_flushes)
        {
            _region.Flush(0, _region.Length);
        }
    }

    private void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        long capacity = Header.Capacity;
        while (!bytes.IsEmpty)
        {
            long place = offset % capacity;
            int length = (int)Math.Min(bytes.Length, capacity - place);
            bytes[..length].CopyTo(_region.AsSpan(BacklogHeader.Length + place, length));
            bytes = bytes[length..];
            offset += length;
        }
    }
}
