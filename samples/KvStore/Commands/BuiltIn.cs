namespace KvStore.Commands;

/// <summary>All commands there are: each family says what it has, in its own file.</summary>
internal static class BuiltIn
{
    /// <summary>Commands and subcommands; each has the number of its place.</summary>
    public static IReadOnlyList<Command> WithSubcommands { get; private set; } = [];

    public static CommandTable Table { get; } = Numbered(new CommandTable(
    [
        .. Strings.Commands,
        .. StringSets.Commands,
        .. Ranges.Commands,
        .. Counters.Commands,
        .. CommonSubsequences.Commands,
        .. Bits.Commands,
        .. BitStrings.Commands,
        .. BitFields.Commands,
        .. Hashes.Commands,
        .. HashScans.Commands,
        .. HashTimes.Commands,
        .. HashFields.Commands,
        .. Lists.Commands,
        .. ListElements.Commands,
        .. BlockingLists.Commands,
        .. SortedSets.Commands,
        .. SortedSetRanges.Commands,
        .. SortedSetPops.Commands,
        .. SortedSetOperations.Commands,
        .. SortedSetScans.Commands,
        .. Sets.Commands,
        .. SetOperations.Commands,
        .. Streams.Commands,
        .. StreamRanges.Commands,
        .. StreamReads.Commands,
        .. StreamGroups.Commands,
        .. StreamGroupReads.Commands,
        .. StreamPending.Commands,
        .. StreamClaims.Commands,
        .. StreamReports.Commands,
        .. Keys.Commands,
        .. Sorting.Commands,
        .. DatabaseCommands.Commands,
        .. KeyCopies.Commands,
        .. Expiry.Commands,
        .. Scanning.Commands,
        .. Objects.Commands,
        .. Connections.Commands,
        .. Clients.Commands,
        .. Transactions.Commands,
        .. Subscriptions.Commands,
        .. Scripting.Commands,
        .. Acl.Commands,
        .. Info.Commands,
        .. Admin.Commands,
        .. Observation.Commands,
        .. MemoryReports.Commands,
        .. Debugging.Commands,
        .. Config.Commands,
        .. CommandDocs.Commands,
    ]));

    private static CommandTable Numbered(CommandTable table)
    {
        WithSubcommands = [.. table.All.SelectMany(command => command.Subcommands.Prepend(command))];
        for (int i = 0; i < WithSubcommands.Count; i++)
        {
            WithSubcommands[i].Place(i);
        }

        return table;
    }
}
