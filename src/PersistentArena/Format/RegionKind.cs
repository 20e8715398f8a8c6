namespace GuestMemFs;

/// <summary>Whose bytes a region's are.</summary>
public enum RegionKind
{
    /// <summary>The application's. Reads as zeros at first.</summary>
    Raw = 0,

    /// <summary>
    /// A persistent heap's. At first it may hold anything, where the medium does not clear its memory.
    /// </summary>
    Heap = 1,

    /// <summary>A virtual machine's RAM: not one byte of it is ours. Reads as zeros at first.</summary>
    GuestRam = 2,
}
