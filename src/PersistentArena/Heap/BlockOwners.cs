namespace GuestMemFs.Heap;

/// <summary>What can move blocks of a heap: the collections that are open.</summary>
internal sealed class BlockOwners
{
    private readonly Lock _lock = new();
    private IBlockOwner[] _owners = [];

    public ReadOnlySpan<IBlockOwner> All => Volatile.Read(ref _owners);

    /// <summary>Bytes in use by what they hold.</summary>
    public long LiveBytes
    {
        get
        {
            long live = 0;
            foreach (IBlockOwner owner in All)
            {
                live += owner.LiveBytes;
            }

            return live;
        }
    }

    public void Add(IBlockOwner owner)
    {
        lock (_lock)
        {
            Volatile.Write(ref _owners, [.. _owners, owner]);
        }
    }

    public void Remove(IBlockOwner owner)
    {
        lock (_lock)
        {
            Volatile.Write(ref _owners, [.. _owners.Where(it => it != owner)]);
        }
    }

    /// <summary>Frees all that was cleared.</summary>
    public void GiveUpGarbage(Lane lane)
    {
        foreach (IBlockOwner owner in All)
        {
            owner.GiveUpGarbage(lane);
        }
    }

    /// <summary>Has a block moved by the one that it belongs to.</summary>
    public MoveOutcome TryMove(Lane lane, long block, long room)
    {
        foreach (IBlockOwner owner in All)
        {
            MoveOutcome outcome = TryMove(owner, lane, block, room);
            if (outcome != MoveOutcome.NotMine)
            {
                return outcome;
            }
        }

        return MoveOutcome.NotMine;
    }

    private static MoveOutcome TryMove(IBlockOwner owner, Lane lane, long block, long room)
    {
        try
        {
            return owner.TryMove(lane, block, room);
        }
        catch (HeapDamagedException)
        {
            return MoveOutcome.NotMine; // a reader of it is told
        }
    }
}
