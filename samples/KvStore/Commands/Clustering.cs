using KvStore.Access;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>
/// CLUSTER and what clients of a cluster send. There is none: each is answered as by a Redis whose cluster support is
/// off, so that clients which ask whether there is one go on without.
/// </summary>
internal static class Clustering
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("cluster",
    [
        new("cluster", -2, NoFlags, KeySpec.None, null)
        {
            Since = "3.0.0",
            Summary = "A container for cluster commands",
            Subcommands =
            [
                Asks("countkeysinslot", 3, "Return the number of keys in a hash slot"),
                Asks("getkeysinslot", 4, "Return keys of a hash slot"),
                Asks("help", 2, "Show helpful text about the subcommands", since: "5.0.0"),
                Asks("info", 2, "Return the state of the cluster"),
                Asks("keyslot", 3, "Return the hash slot of a key"),
                Asks("links", 2, "Return the links between nodes", since: "7.0.0"),
                Asks("myid", 2, "Return this node's id"),
                Asks("nodes", 2, "Return what this node knows of the cluster"),
                Asks("shards", 2, "Return slots and nodes by shard", since: "7.0.0"),
                Asks("slots", 2, "Return slots and their nodes"),
                Operates("addslots", -3, "Assign hash slots to this node"),
                Operates("addslotsrange", -4, "Assign ranges of hash slots to this node"),
                Operates("bumpepoch", 2, "Advance the cluster's epoch"),
                Operates("count-failure-reports", 3, "Return how many nodes call a node failed"),
                Operates("delslots", -3, "Take hash slots from this node"),
                Operates("delslotsrange", -4, "Take ranges of hash slots from this node"),
                Operates("failover", -2, "Let a replica take its master's place"),
                Operates("flushslots", 2, "Take all hash slots from this node"),
                Operates("forget", 3, "Remove a node"),
                Operates("meet", -4, "Let this node meet another"),
                Operates("replicas", 3, "List the replicas of a node"),
                Operates("replicate", 3, "Make this node another's replica"),
                Operates("reset", -2, "Forget the cluster", NoScript),
                Operates("saveconfig", 2, "Save what this node knows of the cluster"),
                Operates("set-config-epoch", 3, "Set the epoch of a new node"),
                Operates("setslot", -4, "Move a hash slot"),
                Operates("slaves", 3, "List the replicas of a node"),
            ],
        },
        OfConnections("asking", Fast, "Send the next command to a slot that is being imported"),
        OfConnections("readonly", Fast, "Read from a replica"),
        OfConnections("readwrite", Fast, "Read from masters alone again"),
    ]);

    public static void Refuse(in Call call) =>
        call.Reply.Error("ERR This instance has cluster support disabled"u8);

    private static Command Asks(string name, int arity, string summary, string since = "3.0.0") =>
        new($"cluster|{name}", arity, NoFlags, KeySpec.None, Refuse) { Since = since, Summary = summary };

    private static Command Operates(string name, int arity, string summary, CommandFlags more = NoFlags) =>
        new($"cluster|{name}", arity, ForOperators | more, KeySpec.None, Refuse) { Since = "3.0.0", Summary = summary };

    private static Command OfConnections(string name, CommandFlags flags, string summary) =>
        new(name, 1, flags, KeySpec.None, Refuse)
            { Also = AclCategories.Connection, Since = "3.0.0", Summary = summary };
}
