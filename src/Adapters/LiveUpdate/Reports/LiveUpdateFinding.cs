namespace GuestMemFs.LiveUpdate;

/// <summary>What a look ahead found.</summary>
/// <param name="IsFatal">The plan would fail, or lose memory: it is not begun. Else it is to be known.</param>
/// <param name="Subject">What it is about: the arena, the kernel, a participant's name.</param>
/// <param name="Text">What is wrong, in a sentence.</param>
/// <param name="Remedy">What to do about it, in a sentence.</param>
public sealed record LiveUpdateFinding(bool IsFatal, string Subject, string Text, string Remedy)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Subject}: {Text} {Remedy}";
}
