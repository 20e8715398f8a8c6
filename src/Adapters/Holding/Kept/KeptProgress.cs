namespace GuestMemFs.Holding;

/// <summary>A step that was just taken with an arena's memory.</summary>
/// <param name="Store">The arena's name at its holder.</param>
/// <param name="Text">What was done, as "preserved".</param>
/// <param name="Took">How long.</param>
public sealed record KeptProgress(string Store, string Text, TimeSpan Took);
