using System.Globalization;

namespace GuestMemFs.Heap;

/// <summary>The heap's refusals, with their numbers and the way out.</summary>
internal static class HeapErrors
{
    public static ArenaOutOfSpaceException OutOfSpace(IHeapSpace space, long asked, long free, Exception? medium) =>
        new(
        string.Create(CultureInfo.InvariantCulture, $"The heap of region '{space.Name}' has no room: {asked} bytes " +
            $"were asked for, {free} of {space.Length} are free in whole pages. Nothing was changed. ")
            + (medium is null ? "Remove data, or grow the region."
                : $"The medium has no more memory ({medium.Message}) Free memory there, or remove data."),
        asked,
        free,
        medium);

    public static ObjectDisposedException Closed(IHeapSpace space) =>
        new("PersistentHeap", $"The arena that region '{space.Name}' is of was closed.");
}
