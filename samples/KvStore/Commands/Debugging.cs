using System.Globalization;
using System.Net;
using GuestMemFs;
using KvStore.Engine;
using KvStore.Protocol;
using KvStore.Transport;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>DEBUG: what test suites and tools ask of it. Refused unless <c>enable-debug-command</c> allows
/// it.</summary>
internal static class Debugging
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("server",
    [
        new("debug", -2, ForOperators | NoScript, KeySpec.None, Debug)
            { Since = "1.0.0", Summary = "A container for debugging commands" },
    ]);

    public static void Debug(in Call call)
    {
        string allowed = call.Engine.Options.DebugCommand;
        bool isLocal = call.Session.Peer is not IPEndPoint peer || IPAddress.IsLoopback(peer.Address);
        if (allowed != "yes" && !(allowed == "local" && isLocal))
        {
            call.Reply.Error(
                "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run "u8
                + "it from a local connection, otherwise you need to set this option in the configuration file, "u8
                + "and then restart the server."u8);
            return;
        }

        if (call.Args.Is(1, "digest-value"u8))
        {
            KeyDigests.OfValues(call);
        }
        else if (call.Args.Count == 2 && call.Args.Is(1, "digest"u8))
        {
            KeyDigests.OfAll(call);
        }
        else if (call.Args.Is(1, "reload"u8))
        {
            Reload(call);
        }
        else if (call.Args.Count is >= 3 and <= 5 && call.Args.Is(1, "populate"u8))
        {
            Populate(call);
        }
        else if (call.Args.Count == 3)
        {
            OfOneArgument(call);
        }
        else if (call.Args.Count == 2 && (call.Args.Is(1, "loadaof"u8)
            || call.Args.Is(1, "change-repl-id"u8)))
        {
            call.Reply.Ok(); // what is in the store is what would be loaded
        }
        else
        {
            Unknown(call);
        }
    }

    /// <summary>What is in the store is what would be saved and loaded again. Over what is there it does not
    /// load.</summary>
    private static void Reload(in Call call)
    {
        bool keeps = false;
        bool merges = false;
        for (int i = 2; i < call.Args.Count; i++)
        {
            bool isKeeps = call.Args.Is(i, "noflush"u8);
            bool isMerges = call.Args.Is(i, "merge"u8);
            keeps |= isKeeps;
            merges |= isMerges;
            if (!isKeeps && !isMerges && !call.Args.Is(i, "nosave"u8))
            {
                call.Reply.Error("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options."u8);
                return;
            }
        }

        if (keeps && !merges && (call.Engine.Databases.Made.Any(it => it.Keys.Count > 0)
            || FunctionRegistry.Of(call).Count > 0))
        {
            call.Reply.Error("ERR Error trying to load the RDB dump, check server logs."u8);
            return;
        }

        call.Reply.Ok();
    }

    /// <summary>Makes so many strings, <c>key:0</c> and so on, where they are not there.</summary>
    private static void Populate(in Call call)
    {
        long size = 0;
        if (!Numbers.TryParse(call.Args[2], out long count) || count < 0
            || (call.Args.Count == 5 && (!Numbers.TryParse(call.Args[4], out size) || size < 0
                || size > call.Engine.Options.Protocol.MaxBulkLength)))
        {
            call.Reply.Error("ERR value is out of range, must be positive"u8);
            return;
        }

        string prefix = call.Args.Count > 3 ? call.Args.Shown(3) : "key";
        for (long i = 0; i < count; i++)
        {
            byte[] key = System.Text.Encoding.Latin1.GetBytes($"{prefix}:{i}");
            byte[] value = System.Text.Encoding.ASCII.GetBytes($"value:{i}");
            if (size > 0)
            {
                Array.Resize(ref value, (int)size); // zeros behind it
            }

            if (!call.Keys.ContainsKey(key))
            {
                call.Keys.Set(key, value);
                call.Touched(key);
            }
        }

        call.Reply.Ok();
    }

    private static void OfOneArgument(in Call call)
    {
        if (call.Args.Is(1, "sleep"u8))
        {
            bool isNumber = double.TryParse(
                call.Args.Text(2), NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds);
            Thread.Sleep(isNumber ? TimeSpan.FromSeconds(Math.Clamp(seconds, 0, 3600)) : TimeSpan.Zero);
            call.Reply.Ok();
        }
        else if (call.Args.Is(1, "object"u8))
        {
            DebugObject(call);
        }
        else if (call.Args.Is(1, "set-active-expire"u8))
        {
            call.Engine.RemovesExpired = !call.Args.Is(2, "0"u8);
            call.Engine.LookAtCommands();
            call.Reply.Ok();
        }
        else if (call.Args.Is(1, "set-disable-deny-scripts"u8))
        {
            call.Engine.ScriptsMayDebug = !call.Args.Is(2, "0"u8);
            call.Reply.Ok();
        }
        else if (call.Args.Is(1, "error"u8))
        {
            call.Reply.Error(call.Args[2]);
        }
        else if (call.Args.Is(1, "log"u8))
        {
            StandardError.WriteLine($"DEBUG LOG: {call.Args.Text(2)}");
            call.Reply.Ok();
        }
        else if (call.Args.Is(1, "protocol"u8))
        {
            Protocol(call);
        }
        else if (IsHarmless(call))
        {
            call.Reply.Ok();
        }
        else
        {
            Unknown(call);
        }
    }

    /// <summary>Settings of Redis's insides, which have no meaning here.</summary>
    private static bool IsHarmless(in Call call) =>
        call.Args.Is(1, "quicklist-packed-threshold"u8)
        || call.Args.Is(1, "pause-cron"u8) || call.Args.Is(1, "dict-resizing"u8);

    private static void DebugObject(in Call call)
    {
        var facts = default(FactsReader);
        if (!call.Keys.TryRead(call.Args[2], ref facts))
        {
            call.Reply.Error(Errors.NoSuchKey);
            return;
        }

        long length = facts.LengthIn(call.Engine.Keyspace.Nested);
        string encoding = System.Text.Encoding.ASCII.GetString(Objects.EncodingOf(call, call.Args[2]));
        string nodes = facts.Type == RecordType.List ? " ql_nodes:1 ql_avg_node:0.00" : "";
        call.Reply.Simple(System.Text.Encoding.ASCII.GetBytes(
            $"Value at:0x{facts.Id:x} refcount:1 encoding:{encoding} serializedlength:{length} lru:0 "
            + $"lru_seconds_idle:0{nodes}"));
    }

    /// <summary>One of each kind of reply, for the tests of clients.</summary>
    private static void Protocol(in Call call)
    {
        string kind = call.Args.Text(2).ToUpperInvariant();
        ReadOnlySpan<byte> sample = Sample(kind, call.Reply.Resp3);
        if (kind is "ATTRIB" or "PUSH")
        {
            WithMore(call.Reply, kind == "PUSH");
        }
        else if (sample.IsEmpty)
        {
            call.Reply.Error(
                "ERR Wrong protocol type name. Please use one of the following: "u8
                + "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false"u8);
        }
        else
        {
            call.Reply.Raw(sample);
        }
    }

    private static ReadOnlySpan<byte> Sample(string kind, bool resp3) => kind switch
    {
        "STRING" => "$11\r\nHello World\r\n"u8,
        "INTEGER" => ":12345\r\n"u8,
        "DOUBLE" => resp3 ? ",3.141\r\n"u8 : "$5\r\n3.141\r\n"u8,
        "NULL" => resp3 ? "_\r\n"u8 : "$-1\r\n"u8,
        "ARRAY" => "*3\r\n:0\r\n:1\r\n:2\r\n"u8,
        "SET" => resp3 ? "~3\r\n:0\r\n:1\r\n:2\r\n"u8 : "*3\r\n:0\r\n:1\r\n:2\r\n"u8,
        "MAP" => resp3
            ? "%3\r\n:0\r\n#f\r\n:1\r\n#t\r\n:2\r\n#f\r\n"u8
            : "*6\r\n:0\r\n:0\r\n:1\r\n:1\r\n:2\r\n:0\r\n"u8,
        "BIGNUM" => resp3
            ? "(1234567999999999999999999999999999999\r\n"u8
            : "$37\r\n1234567999999999999999999999999999999\r\n"u8,
        "TRUE" => resp3 ? "#t\r\n"u8 : ":1\r\n"u8,
        "FALSE" => resp3 ? "#f\r\n"u8 : ":0\r\n"u8,
        "VERBATIM" => resp3
            ? "=29\r\ntxt:This is a verbatim\nstring\r\n"u8
            : "$25\r\nThis is a verbatim\nstring\r\n"u8,
        _ => default,
    };

    /// <summary>A reply with something in front of it that is none.</summary>
    private static void WithMore(RespWriter reply, bool isPush)
    {
        if (isPush && !reply.Resp3)
        {
            reply.Error("ERR RESP2 is not supported by this command"u8);
            return;
        }

        if (isPush)
        {
            reply.Push(2);
            reply.Bulk("server-cpu-usage"u8);
            reply.Integer(42);
            reply.Bulk("Some real reply following the push reply"u8); // a client that waits for one has it
            return;
        }

        if (reply.Resp3)
        {
            reply.Raw("|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n"u8);
        }

        reply.Bulk("Some real reply following the attribute"u8);
    }

    private static void Unknown(in Call call) =>
        call.Reply.Error(Errors.NoSuchForm(call.Args.Shown(1), "DEBUG"));
}
