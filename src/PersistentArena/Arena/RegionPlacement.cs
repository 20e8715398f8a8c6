namespace GuestMemFs;

/// <summary>A region's NUMA policy: what was asked for, and what the kernel says is in force.</summary>
/// <param name="Region">The region.</param>
/// <param name="Asked">What was asked for.</param>
/// <param name="Got">What the kernel says; null where it does not say.</param>
public sealed record RegionPlacement(string Region, NumaPolicy Asked, NumaPolicy? Got);
