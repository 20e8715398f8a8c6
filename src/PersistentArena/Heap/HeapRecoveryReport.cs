namespace GuestMemFs;

/// <summary>What the last attach of a heap found in flight and did about it.</summary>
/// <param name="Finished">Changes that had happened and were completed.</param>
/// <param name="Undone">Changes that had not happened and were undone.</param>
/// <param name="GroupsCommitted">Atomic groups that were committed and were completed.</param>
/// <param name="GroupsRolledBack">Atomic groups that were not committed and were rolled back.</param>
public readonly record struct HeapRecoveryReport(int Finished, int Undone, int GroupsCommitted, int GroupsRolledBack);
