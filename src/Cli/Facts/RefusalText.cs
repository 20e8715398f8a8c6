namespace GuestMemFs.Cli.Facts;

/// <summary>A refusal of the library as a text for a terminal.</summary>
internal static class RefusalText
{
    /// <summary>The message without the code in front of it, which stands beside it.</summary>
    public static string Of(ArenaException e) =>
        e.Message.StartsWith(e.ReasonCode + ": ", StringComparison.Ordinal) ? e.Message[(e.ReasonCode.Length + 2)..]
            : e.Message;
}
