namespace KvStore.Protocol;

/// <summary>Redis's error texts, letter for letter: clients match on them.</summary>
internal static class Errors
{
    public static ReadOnlySpan<byte> WrongType => "WRONGTYPE Operation against a key holding the wrong kind of value"u8;

    public static ReadOnlySpan<byte> Syntax => "ERR syntax error"u8;

    public static ReadOnlySpan<byte> NotAnInteger => "ERR value is not an integer or out of range"u8;

    public static ReadOnlySpan<byte> NotAnInt =>
        "ERR value is out of range, value must between -2147483648 and 2147483647"u8;

    public static ReadOnlySpan<byte> NotAFloat => "ERR value is not a valid float"u8;

    public static ReadOnlySpan<byte> NotANumber => "ERR increment would produce NaN or Infinity"u8;

    public static ReadOnlySpan<byte> NotPositive => "ERR value is out of range, must be positive"u8;

    public static ReadOnlySpan<byte> NotInLongRange =>
        "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"u8;

    public static ReadOnlySpan<byte> RankZero =>
        "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... "u8
        + "or use negative to start from the end of the list"u8;

    public static ReadOnlySpan<byte> NotInRange => "ERR value is out of range"u8;

    public static ReadOnlySpan<byte> ElementTooLong =>
        "ERR element is longer than 65500 bytes, the most this server holds where elements are looked up"u8;

    public static ReadOnlySpan<byte> SameObject => "ERR source and destination objects are the same"u8;

    public static ReadOnlySpan<byte> NoSuchKey => "ERR no such key"u8;

    public static ReadOnlySpan<byte> TooLong => "ERR string exceeds maximum allowed size (proto-max-bulk-len)"u8;

    public static ReadOnlySpan<byte> KeyTooLong => "ERR key is longer than 65535 bytes, the most this server holds"u8;

    public static ReadOnlySpan<byte> WritesInReadOnly =>
        "ERR Can not execute a script with write flag using *_ro command."u8;

    public static ReadOnlySpan<byte> OutOfMemory => "OOM command not allowed when used memory > 'maxmemory'."u8;

    public static ReadOnlySpan<byte> ReadOnly =>
        "READONLY The store was opened read-only, because its last servers ended early (GMF5024)."u8;

    public static ReadOnlySpan<byte> FilesLost =>
        "READONLY The store's files were removed: 'gmfs rescue' brings them back. --files-lost report takes writes."u8;

    public static ReadOnlySpan<byte> IsReplica => "READONLY You can't write against a read only replica."u8;

    public static ReadOnlySpan<byte> Loading => "LOADING Redis is loading the dataset in memory"u8;

    public static ReadOnlySpan<byte> MasterDown =>
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."u8;

    public static ReadOnlySpan<byte> NoReplicas => "NOREPLICAS Not enough good replicas to write."u8;

    public static ReadOnlySpan<byte> NoAuth => "NOAUTH Authentication required."u8;

    public static ReadOnlySpan<byte> DatabaseIndex => "ERR DB index is out of range"u8;

    public static ReadOnlySpan<byte> DatabaseIsNew =>
        "ERR this database was never selected, and none is made inside a transaction or script: SELECT it before"u8;

    /// <summary>A script runs, and takes long.</summary>
    public static string Busy(bool isFunction) =>
        $"BUSY Redis is busy running a script. You can only call {(isFunction ? "FUNCTION" : "SCRIPT")} KILL or "
        + "SHUTDOWN NOSAVE.";

    public static string InvalidExpiry(string command) => $"ERR invalid expire time in '{command}' command";

    /// <summary>A subcommand's arguments fit no form of it.</summary>
    public static string NoSuchForm(string subcommand, string command) =>
        $"ERR unknown subcommand or wrong number of arguments for '{subcommand}'. Try {command} HELP.";

    public static string Arity(string command) => $"ERR wrong number of arguments for '{command}' command";
}
