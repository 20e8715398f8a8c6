namespace GuestMemFs.Holding;

/// <summary>An arena's memory at the holder.</summary>
/// <param name="Name">The arena's name there.</param>
/// <param name="Files">Its descriptors.</param>
/// <param name="Bytes">Their lengths together.</param>
public sealed record HeldStore(string Name, int Files, long Bytes);
