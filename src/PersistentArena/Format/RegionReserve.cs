namespace GuestMemFs;

/// <summary>When the medium's space is taken.</summary>
public enum RegionReserve
{
    /// <summary>At creation and growth: no later store can fail for want of room.</summary>
    Full = 0,

    /// <summary>
    /// When it is asked for, step by step, or touched: a store to what was not asked for ends the process (SIGBUS)
    /// where the medium is full.
    /// </summary>
    OnDemand = 1,
}
