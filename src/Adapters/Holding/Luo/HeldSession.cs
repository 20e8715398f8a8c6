namespace GuestMemFs.Holding;

/// <summary>A session that a process holds.</summary>
/// <param name="Name">Its name, as far as it fits a link's (about 50 characters).</param>
/// <param name="ProcessId">Who holds it.</param>
public readonly record struct HeldSession(string Name, int ProcessId);
