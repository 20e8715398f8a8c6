using GuestMemFs.Native;

namespace GuestMemFs.Arena;

/// <summary>A region's files mapped a second time: what a snapshot keeps its pages in.</summary>
/// <param name="Range">The address space; whose it is from now on, gives it back.</param>
/// <param name="Length">Bytes of the region.</param>
/// <param name="IsPrivate">True where a store to a page makes it this process's own.</param>
internal sealed record RegionView(AddressReservation Range, long Length, bool IsPrivate);
