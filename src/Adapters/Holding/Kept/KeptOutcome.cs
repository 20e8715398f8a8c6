namespace GuestMemFs.Holding;

/// <summary>How an arena came over a kexec.</summary>
/// <param name="Store">Its name at the holder.</param>
/// <param name="ArenaId">The arena; null where nothing says which.</param>
/// <param name="Bytes">Bytes that came, or that are lost.</param>
/// <param name="Lost">Why it is lost; null where it came.</param>
public sealed record KeptOutcome(string Store, Guid? ArenaId, long Bytes, string? Lost);
