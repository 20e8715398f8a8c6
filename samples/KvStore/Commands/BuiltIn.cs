using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>All commands there are: one line each.</summary>
internal static class BuiltIn
{
    private static readonly (int First, int Last, int Step) None = (0, 0, 0);
    private static readonly (int First, int Last, int Step) One = (1, 1, 1);
    private static readonly (int First, int Last, int Step) Two = (1, 2, 1);
    private static readonly (int First, int Last, int Step) Many = (1, -1, 1);
    private static readonly (int First, int Last, int Step) Pairs = (1, -1, 2);

    private static readonly Dictionary<Command, CommandTable> Subtables = [];

    public static CommandTable Table { get; } = Build();

    public static Command? FindSubcommand(Command command, ReadOnlySpan<byte> name) => Subtables[command].Find(name);

    /// <summary>By "name" or "name|subcommand".</summary>
    public static Command? FindByFullName(ReadOnlySpan<byte> name)
    {
        int bar = name.IndexOf((byte)'|');
        if (bar < 0)
        {
            return Table.Find(name);
        }

        Command? parent = Table.Find(name[..bar]);
        return parent is { Subcommands.Length: > 0 } ? FindSubcommand(parent, name[(bar + 1)..]) : null;
    }

    private static CommandTable Build()
    {
        var table = new CommandTable([.. StringCommands(), .. KeyCommands(), .. ConnectionCommands(), .. ServerCommands()]);
        foreach (Command command in table.All)
        {
            if (command.Subcommands.Length > 0)
            {
                Subtables[command] = new CommandTable(command.Subcommands);
            }
        }

        return table;
    }

    private static IEnumerable<Command> StringCommands() =>
    [
        Make("get", 2, ReadOnly | Fast, Strings.Get, One, "string", "1.0.0", "Get the value of a key"),
        Make("set", -3, Write | DenyOom, StringSets.Set, One, "string", "1.0.0", "Set the string value of a key"),
        Make("setnx", 3, Write | DenyOom | Fast, StringSets.SetNx, One, "string", "1.0.0", "Set the value of a key, only if the key does not exist"),
        Make("setex", 4, Write | DenyOom, StringSets.SetEx, One, "string", "2.0.0", "Set the value and expiration of a key"),
        Make("psetex", 4, Write | DenyOom, StringSets.PSetEx, One, "string", "2.6.0", "Set the value and expiration in milliseconds of a key"),
        Make("getset", 3, Write | DenyOom | Fast, StringSets.GetSet, One, "string", "1.0.0", "Set the string value of a key and return its old value"),
        Make("getdel", 2, Write | Fast, Strings.GetDel, One, "string", "6.2.0", "Get the value of a key and delete the key"),
        Make("getex", -2, Write | Fast, StringSets.GetEx, One, "string", "6.2.0", "Get the value of a key and optionally set its expiration"),
        Make("mget", -2, ReadOnly | Fast, Strings.MGet, Many, "string", "1.0.0", "Get the values of all the given keys"),
        Make("mset", -3, Write | DenyOom, Strings.MSet, Pairs, "string", "1.0.1", "Set multiple keys to multiple values"),
        Make("msetnx", -3, Write | DenyOom, Strings.MSetNx, Pairs, "string", "1.0.1", "Set multiple keys to multiple values, only if none of the keys exist"),
        Make("append", 3, Write | DenyOom | Fast, Strings.Append, One, "string", "2.0.0", "Append a value to a key"),
        Make("strlen", 2, ReadOnly | Fast, Strings.StrLen, One, "string", "2.2.0", "Get the length of the value stored in a key"),
        Make("getrange", 4, ReadOnly, Ranges.GetRange, One, "string", "2.4.0", "Get a substring of the string stored at a key"),
        Make("substr", 4, ReadOnly, Ranges.GetRange, One, "string", "1.0.0", "Get a substring of the string stored at a key"),
        Make("setrange", 4, Write | DenyOom, Ranges.SetRange, One, "string", "2.2.0", "Overwrite part of a string at key starting at the specified offset"),
        Make("incr", 2, Write | DenyOom | Fast, Counters.Incr, One, "string", "1.0.0", "Increment the integer value of a key by one"),
        Make("decr", 2, Write | DenyOom | Fast, Counters.Decr, One, "string", "1.0.0", "Decrement the integer value of a key by one"),
        Make("incrby", 3, Write | DenyOom | Fast, Counters.IncrBy, One, "string", "1.0.0", "Increment the integer value of a key by the given amount"),
        Make("decrby", 3, Write | DenyOom | Fast, Counters.DecrBy, One, "string", "1.0.0", "Decrement the integer value of a key by the given number"),
        Make("incrbyfloat", 3, Write | DenyOom | Fast, Counters.IncrByFloat, One, "string", "2.6.0", "Increment the float value of a key by the given amount"),
        Make("setbit", 4, Write | DenyOom, Bits.SetBit, One, "bitmap", "2.2.0", "Sets or clears the bit at offset in the string value stored at key"),
        Make("getbit", 3, ReadOnly | Fast, Bits.GetBit, One, "bitmap", "2.2.0", "Returns the bit value at offset in the string value stored at key"),
        Make("bitcount", -2, ReadOnly, Bits.BitCount, One, "bitmap", "2.6.0", "Count set bits in a string"),
    ];

    private static IEnumerable<Command> KeyCommands() =>
    [
        Make("del", -2, Write, Keys.Del, Many, "generic", "1.0.0", "Delete a key"),
        Make("unlink", -2, Write | Fast, Keys.Del, Many, "generic", "4.0.0", "Delete a key"),
        Make("exists", -2, ReadOnly | Fast, Keys.Exists, Many, "generic", "1.0.0", "Determine if a key exists"),
        Make("touch", -2, ReadOnly | Fast, Keys.Exists, Many, "generic", "3.2.1", "Counts the keys that exist"),
        Make("type", 2, ReadOnly | Fast, Keys.Type, One, "generic", "1.0.0", "Determine the type stored at key"),
        Make("rename", 3, Write, KeyCopies.Rename, Two, "generic", "1.0.0", "Rename a key"),
        Make("renamenx", 3, Write | Fast, KeyCopies.RenameNx, Two, "generic", "1.0.0", "Rename a key, only if the new key does not exist"),
        Make("copy", -3, Write | DenyOom, KeyCopies.Copy, Two, "generic", "6.2.0", "Copy a key"),
        Make("expire", -3, Write | Fast, Expiry.Expire, One, "generic", "1.0.0", "Set a key's time to live in seconds"),
        Make("pexpire", -3, Write | Fast, Expiry.PExpire, One, "generic", "2.6.0", "Set a key's time to live in milliseconds"),
        Make("expireat", -3, Write | Fast, Expiry.ExpireAt, One, "generic", "1.2.0", "Set the expiration for a key as a UNIX timestamp"),
        Make("pexpireat", -3, Write | Fast, Expiry.PExpireAt, One, "generic", "2.6.0", "Set the expiration for a key as a UNIX timestamp in milliseconds"),
        Make("ttl", 2, ReadOnly | Fast, Expiry.Ttl, One, "generic", "1.0.0", "Get the time to live for a key in seconds"),
        Make("pttl", 2, ReadOnly | Fast, Expiry.PTtl, One, "generic", "2.6.0", "Get the time to live for a key in milliseconds"),
        Make("expiretime", 2, ReadOnly | Fast, Expiry.ExpireTime, One, "generic", "7.0.0", "Get the expiration Unix timestamp for a key"),
        Make("pexpiretime", 2, ReadOnly | Fast, Expiry.PExpireTime, One, "generic", "7.0.0", "Get the expiration Unix timestamp for a key in milliseconds"),
        Make("persist", 2, Write | Fast, Expiry.Persist, One, "generic", "2.2.0", "Remove the expiration from a key"),
        Make("keys", 2, ReadOnly, Scanning.AllKeys, None, "generic", "1.0.0", "Find all keys matching the given pattern"),
        Make("scan", -2, ReadOnly, Scanning.Scan, None, "generic", "2.8.0", "Incrementally iterate the keys space"),
        Make("randomkey", 1, ReadOnly, Scanning.RandomKey, None, "generic", "1.0.0", "Return a random key from the keyspace"),
        Make("dbsize", 1, ReadOnly | Fast, Keys.DbSize, None, "server", "1.0.0", "Return the number of keys in the selected database"),
        Make("flushdb", -1, Write, Keys.Flush, None, "server", "1.0.0", "Remove all keys from the current database"),
        Make("flushall", -1, Write, Keys.Flush, None, "server", "1.0.0", "Remove all keys from all databases"),
    ];

    private static IEnumerable<Command> ConnectionCommands() =>
    [
        Make("ping", -1, Fast, Connections.Ping, None, "connection", "1.0.0", "Ping the server"),
        Make("echo", 2, Fast, Connections.Echo, None, "connection", "1.0.0", "Echo the given string"),
        Make("select", 2, Fast, Connections.Select, None, "connection", "1.0.0", "Change the selected database for the current connection"),
        Make("auth", -2, NoAuth | Fast, Connections.Auth, None, "connection", "1.0.0", "Authenticate to the server"),
        Make("hello", -1, NoAuth | Fast, Connections.Hello, None, "connection", "6.0.0", "Handshake with Redis"),
        Make("quit", -1, NoAuth | Immediate | Fast, Connections.Quit, None, "connection", "1.0.0", "Close the connection"),
        Make("reset", 1, NoAuth | Immediate | Fast, Connections.Reset, None, "connection", "6.2.0", "Reset the connection"),
        Parent("client", "connection", "2.4.0", "A container for client connection commands",
        [
            Make("client|id", 2, CommandFlags.None, Clients.Id, None, "connection", "5.0.0", "Returns the client ID for the current connection"),
            Make("client|getname", 2, CommandFlags.None, Clients.GetName, None, "connection", "2.6.9", "Get the current connection name"),
            Make("client|setname", 3, CommandFlags.None, Clients.SetName, None, "connection", "2.6.9", "Set the current connection name"),
            Make("client|setinfo", 4, CommandFlags.None, Clients.SetInfo, None, "connection", "7.2.0", "Set client or connection specific info"),
            Make("client|list", -2, CommandFlags.Admin, Clients.List, None, "connection", "2.4.0", "Get the list of client connections"),
            Make("client|info", 2, CommandFlags.None, Clients.Info, None, "connection", "6.2.0", "Returns information about the current client connection"),
            Make("client|no-evict", 3, CommandFlags.Admin, Clients.NoEvict, None, "connection", "7.0.0", "Set client eviction mode for the current connection"),
        ]),
        Make("multi", 1, Immediate | Fast, Transactions.Multi, None, "transactions", "1.2.0", "Mark the start of a transaction block"),
        Make("exec", 1, Immediate, Transactions.Exec, None, "transactions", "1.2.0", "Execute all commands issued after MULTI"),
        Make("discard", 1, Immediate | Fast, Transactions.Discard, None, "transactions", "2.0.0", "Discard all commands issued after MULTI"),
        Make("watch", -2, Immediate | Fast, Transactions.Watch, Many, "transactions", "2.2.0", "Watch the given keys to determine execution of the MULTI/EXEC block"),
        Make("unwatch", 1, Fast, Transactions.Unwatch, None, "transactions", "2.2.0", "Forget about all watched keys"),
    ];

    private static IEnumerable<Command> ServerCommands() =>
    [
        Make("info", -1, CommandFlags.None, Info.Reply, None, "server", "1.0.0", "Get information and statistics about the server"),
        Make("time", 1, Fast, Admin.Time, None, "server", "2.6.0", "Return the current server time"),
        Make("save", 1, CommandFlags.Admin | NoMulti, Admin.Save, None, "server", "1.0.0", "Nothing to do: every acknowledged write is persistent"),
        Make("bgsave", -1, CommandFlags.Admin, Admin.BgSave, None, "server", "1.0.0", "Nothing to do: every acknowledged write is persistent"),
        Make("lastsave", 1, Fast, Admin.LastSave, None, "server", "1.0.0", "The time now: every acknowledged write is persistent"),
        Make("shutdown", -1, CommandFlags.Admin | NoMulti, Admin.Shutdown, None, "server", "1.0.0", "Close the arena clean and shut down the server"),
        Parent("config", "server", "2.0.0", "A container for server configuration commands",
        [
            Make("config|get", -3, CommandFlags.Admin, Config.Get, None, "server", "2.0.0", "Get the values of configuration parameters"),
            Make("config|set", -4, CommandFlags.Admin, Config.Set, None, "server", "2.0.0", "Set configuration parameters to the given values"),
            Make("config|resetstat", 2, CommandFlags.Admin, Config.ResetStat, None, "server", "2.0.0", "Reset the stats returned by INFO"),
            Make("config|rewrite", 2, CommandFlags.Admin, Config.Rewrite, None, "server", "2.8.0", "Refused: the configuration file is not written"),
        ]),
        Parent("command", "server", "2.8.13", "Get array of command details",
        [
            Make("command|count", 2, CommandFlags.None, CommandDocs.Count, None, "server", "2.8.13", "Get total number of commands"),
            Make("command|docs", -2, CommandFlags.None, CommandDocs.Docs, None, "server", "7.0.0", "Get array of specific command documentation"),
            Make("command|info", -2, CommandFlags.None, CommandDocs.Info, None, "server", "2.8.13", "Get array of specific command details"),
            Make("command|list", 2, CommandFlags.None, CommandDocs.List, None, "server", "7.0.0", "Get an array of command names"),
            Make("command|getkeys", -4, CommandFlags.None, CommandDocs.GetKeys, None, "server", "2.8.13", "Extract keys given a full command"),
        ],
        -1, CommandDocs.All),
    ];

    private static Command Make(
        string name, int arity, CommandFlags flags, CommandHandler handler, (int First, int Last, int Step) keys, string group, string since, string summary) =>
        new() { Name = name, Arity = arity, Flags = flags, Handler = handler, Keys = keys, Group = group, Since = since, Summary = summary };

    private static Command Parent(string name, string group, string since, string summary, Command[] subcommands, int arity = -2, CommandHandler? handler = null) =>
        new() { Name = name, Arity = arity, Flags = CommandFlags.None, Handler = handler, Group = group, Since = since, Summary = summary, Subcommands = subcommands };
}
