namespace GuestMemFs.Arena;

/// <summary>
/// Says that what is in an arena may be written to a disk: the kernel swaps pages of tmpfs and memfd.
/// </summary>
internal static class SwapWarning
{
    /// <summary>The warning; null where nothing can be swapped.</summary>
    /// <param name="medium">Where the arena lies.</param>
    /// <param name="isLocked">Its memory is locked while it is open.</param>
    /// <param name="swapBytes">Swap space that is on.</param>
    public static AttachReason? For(MediumCapabilities medium, bool isLocked, long swapBytes) =>
        !medium.CanBeSwapped || isLocked || swapBytes == 0
            ? null
            : new AttachReason(
                ReasonCodes.MayBeSwapped,
                $"The kernel may write what is in it to swap ({swapBytes >> 20} MiB are on): it can then be " +
                $"read on that disk, and an access waits for it. Mount tmpfs with noswap, set LockMemory, or swapoff.");
}
