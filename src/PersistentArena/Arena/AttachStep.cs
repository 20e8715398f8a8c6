namespace GuestMemFs;

/// <summary>A step of an open, and how long it took.</summary>
public sealed record AttachStep(string Name, TimeSpan Duration);
