namespace GuestMemFs;

/// <summary>A backup that is there.</summary>
/// <param name="Path">Its file.</param>
/// <param name="Dump">What its header says of it.</param>
public sealed record RegionBackup(string Path, DumpInfo Dump);
