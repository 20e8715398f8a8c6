namespace GuestMemFs;

/// <summary>A region's NUMA policy: what was asked for, and what the kernel says is in force.</summary>
/// <param name="Region">The region.</param>
/// <param name="Requested">What was asked for.</param>
/// <param name="Actual">What the kernel says; null where it does not say.</param>
public sealed record RegionPlacement(string Region, NumaPolicy Requested, NumaPolicy? Actual);
