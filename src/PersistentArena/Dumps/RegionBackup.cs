namespace GuestMemFs;

/// <summary>A backup that is there.</summary>
/// <param name="Path">Its file; of one that a command has, the program and the slot.</param>
/// <param name="Dump">What its header says of it.</param>
public sealed record RegionBackup(string Path, DumpInfo Dump);
