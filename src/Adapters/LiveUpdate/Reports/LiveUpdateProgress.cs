namespace GuestMemFs.LiveUpdate;

/// <summary>A step that was just taken.</summary>
/// <param name="Subject">Whose: "kernel", "arena", a participant's name.</param>
/// <param name="Text">What was done, as "saved" or "refused: …".</param>
/// <param name="Took">How long.</param>
public sealed record LiveUpdateProgress(string Subject, string Text, TimeSpan Took);
