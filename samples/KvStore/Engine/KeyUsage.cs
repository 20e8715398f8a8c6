namespace KvStore.Engine;

/// <summary>When keys were used last, or, with an LFU policy, how often of late.</summary>
/// <remarks>A key that it does not know counts as not used since it began: after a restart all are as old, and as
/// rare.</remarks>
internal sealed class KeyUsage(ServerOptions options, bool countsUses)
{
    private const uint InitialCount = 5;
    private const uint MostCount = 255;
    private const int CountBits = 8;
    private const int MillisecondsPerMinute = 60_000;

    private readonly AccessTable _table = new();
    private readonly long _began = Environment.TickCount64;

    /// <summary>True where it knows how often, false where it knows when.</summary>
    public bool CountsUses { get; } = countsUses;

    private uint Now => (uint)(Environment.TickCount64 - _began) + 1;

    /// <summary>A key was used.</summary>
    public void Touch(Database database, ReadOnlySpan<byte> key)
    {
        ulong hash = AccessTable.Hash(database.Place, key);
        if (CountsUses)
        {
            bool known = _table.TryGet(hash, out uint mark);
            // The count is above the minute: in a full bucket the rarest makes place.
            _table.Set(hash, Mark(known ? Incremented(Count(mark)) : InitialCount));
        }
        else
        {
            _table.Set(hash, Now);
        }
    }

    /// <summary>A key was not used for so long: it comes from another server.</summary>
    public void SetIdle(Database database, ReadOnlySpan<byte> key, long seconds) => _table.Set(
        AccessTable.Hash(database.Place, key), Now - (uint)Math.Min(seconds, int.MaxValue / 1000) * 1000);

    /// <summary>A key was used that often there.</summary>
    public void SetFrequency(Database database, ReadOnlySpan<byte> key, byte count) =>
        _table.Set(AccessTable.Hash(database.Place, key), Mark(count));

    /// <summary>A key is gone: one of that name begins anew.</summary>
    public void Forget(Database database, ReadOnlySpan<byte> key) =>
        _table.Remove(AccessTable.Hash(database.Place, key));

    /// <summary>For how long a key was not used.</summary>
    public uint IdleMilliseconds(Database database, ReadOnlySpan<byte> key)
    {
        _table.TryGet(AccessTable.Hash(database.Place, key), out uint mark);
        return Now - mark;
    }

    /// <summary>How often a key was used: a logarithm, which falls by one each <c>lfu-decay-time</c>.</summary>
    public uint Frequency(Database database, ReadOnlySpan<byte> key) =>
        _table.TryGet(AccessTable.Hash(database.Place, key), out uint mark) ? Count(mark)
            : Decayed(InitialCount, (uint)((Environment.TickCount64 - _began) / MillisecondsPerMinute));

    private uint Mark(uint count) =>
        (count << (32 - CountBits)) | ((Now / MillisecondsPerMinute) & ((1 << (32 - CountBits)) - 1));

    private uint Count(uint mark)
    {
        uint then = mark & ((1 << (32 - CountBits)) - 1);
        return Decayed(mark >> (32 - CountBits), (Now / MillisecondsPerMinute) - then);
    }

    private uint Decayed(uint count, uint minutes)
    {
        uint periods = options.LfuDecayMinutes > 0 ? minutes / (uint)options.LfuDecayMinutes : 0;
        return periods > count ? 0 : count - periods;
    }

    private uint Incremented(uint count)
    {
        double above = Math.Max(0.0, (double)count - InitialCount);
        bool counts = Random.Shared.NextDouble() < 1.0 / ((above * options.LfuLogFactor) + 1);
        return counts && count < MostCount ? count + 1 : count;
    }
}
