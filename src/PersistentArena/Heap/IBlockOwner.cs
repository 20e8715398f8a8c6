namespace GuestMemFs.Heap;

/// <summary>What blocks of a heap belong to, and what can therefore move them: a dictionary.</summary>
internal interface IBlockOwner
{
    /// <summary>Bytes in use by what it holds.</summary>
    long LiveBytes { get; }

    /// <summary>
    /// Copies a block elsewhere and makes what led to it lead to the copy. It takes the lock of what leads there
    /// itself.
    /// </summary>
    /// <param name="lane">The caller's lane.</param>
    /// <param name="block">The block. It may be freed at any time until the owner has looked under its lock.</param>
    /// <param name="room">The longest that the block can be.</param>
    MoveOutcome TryMove(Lane lane, long block, long room);

    /// <summary>Frees all that was cleared.</summary>
    void GiveUpGarbage(Lane lane);
}

internal enum MoveOutcome
{
    /// <summary>Nothing of this owner's leads there.</summary>
    NotMine,

    /// <summary>It lies elsewhere now; the old block is free, and in nobody's cache.</summary>
    Moved,

    /// <summary>There is no room for a copy.</summary>
    NoRoom,
}
