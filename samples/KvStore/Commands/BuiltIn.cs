namespace KvStore.Commands;

/// <summary>All commands there are: each family says what it has, in its own file.</summary>
internal static class BuiltIn
{
    public static CommandTable Table { get; } = new(
    [
        .. Strings.Commands,
        .. StringSets.Commands,
        .. Ranges.Commands,
        .. Counters.Commands,
        .. Bits.Commands,
        .. Keys.Commands,
        .. KeyCopies.Commands,
        .. Expiry.Commands,
        .. Scanning.Commands,
        .. Connections.Commands,
        .. Clients.Commands,
        .. Transactions.Commands,
        .. Info.Commands,
        .. Admin.Commands,
        .. Config.Commands,
        .. CommandDocs.Commands,
    ]);
}
