using KvStore.Access;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>ROLE and WAIT: this server is a master, and has no replicas.</summary>
internal static class Replicas
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands =>
    [
        .. Command.Family("server",
        [
            new("role", 1, Fast | NoScript, KeySpec.None, Role)
            {
                Also = AclCategories.Admin | AclCategories.Dangerous,
                Since = "2.8.12",
                Summary = "Return the role of the instance in the context of replication",
            },
        ]),
        .. Command.Family("connection",
        [
            new("wait", 3, NoScript, KeySpec.None, Wait)
            {
                Since = "3.0.0",
                Summary = "Wait for replicas to have the writes sent before; none has, and none is waited for",
            },
        ]),
    ];

    public static void Role(in Call call)
    {
        call.Reply.Array(3);
        call.Reply.Bulk("master");
        call.Reply.Integer(0); // what was sent to replicas
        call.Reply.Array(0);
    }

    // Redis waits for replicas that may come. Here none can, and the number that have the writes is known at once.
    public static void Wait(in Call call)
    {
        if (!Numbers.TryParse(call.Args[1], out long _))
        {
            call.Reply.Error(Errors.NotAnInteger);
        }
        else if (Blocking.TryMilliseconds(call, 2, out _))
        {
            call.Reply.Integer(0);
        }
    }
}
