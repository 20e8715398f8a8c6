namespace GuestMemFs.Collections;

/// <summary>What a log refuses.</summary>
internal static class LogErrors
{
    public static ArgumentException TooLong(long length) =>
        new($"An entry of a log has at most {LogSegment.MaximumEntryLength:N0} bytes; this one would have "
            + $"{length:N0}. Nothing was changed. Split it over several entries.", nameof(length));

    public static ArgumentException NotAbove(LogEntryId id, LogEntryId last) =>
        new($"Ids of a log rise: {id} is not above the last one, {last}. Nothing was changed. Take a higher id, or let "
            + "the log give one.", nameof(id));
}
