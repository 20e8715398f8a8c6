namespace GuestMemFs.LiveUpdate.Journal;

/// <summary>A region that a plan needs in its arena, beside those that are there.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Length">Bytes.</param>
internal sealed record NeededRegion(string Name, long Length);
