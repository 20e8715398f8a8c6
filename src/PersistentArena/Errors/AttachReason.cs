namespace GuestMemFs;

/// <summary>Something an open found, did or rolled back.</summary>
/// <param name="Code">One of <see cref="ReasonCodes"/>.</param>
/// <param name="Text">What it was, for people.</param>
public sealed record AttachReason(string Code, string Text)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Code} {Text}";
}
