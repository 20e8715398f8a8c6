namespace GuestMemFs;

/// <summary>
/// What an arena refuses or cannot do. Each kind is a type of its own, carries its numbers as properties and a stable
/// <see cref="ReasonCode"/>, and says the way out in its message. Where one is thrown, nothing was changed.
/// </summary>
public abstract class ArenaException : Exception
{
    private protected ArenaException(string reasonCode, string message, Exception? inner = null)
        : base($"{reasonCode}: {message}", inner) => ReasonCode = reasonCode;

    /// <summary>The stable code, one of <see cref="ReasonCodes"/>.</summary>
    public string ReasonCode { get; }
}
