namespace GuestMemFs;

/// <summary>Something belongs to a user who is not trusted, or is open to others: nothing of it was used.</summary>
public sealed class UntrustedOwnerException : ArenaException
{
    private UntrustedOwnerException(string message)
        : base(ReasonCodes.UntrustedOwner, message)
    {
    }

    internal static UntrustedOwnerException Owner(string subject, string owner, string self) => new(
        $"{subject} belongs to user {owner}, and this is user {self}. Nothing of it was used. Name that user as "
        + "trusted (PathTrust; --trust-owner USER) where that is meant, or use a path of your own.");

    internal static UntrustedOwnerException Mode(string path, int mode) => new(
        $"'{path}' can be written by others (mode {Convert.ToString(mode, 8)}). Nothing of it was used. "
        + "Take that away (chmod go-w), or use a path of your own.");
}
