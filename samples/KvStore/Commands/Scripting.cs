using System.Text;
using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using KvStore.Scripts;
using KvStore.Session;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>EVAL and SCRIPT. The writes of a script are one step, over a crash as well.</summary>
internal static class Scripting
{
    private const int FirstKey = 3;

    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("scripting",
    [
        new("eval", -3, NoScript, KeySpec.CountedBy(2), Eval)
            { Since = "2.6.0", Summary = "Execute a Lua script server side" },
        new("eval_ro", -3, ReadOnly | NoScript, KeySpec.CountedBy(2), EvalRo)
            { Since = "7.0.0", Summary = "Execute a read-only Lua script server side" },
        new("evalsha", -3, NoScript, KeySpec.CountedBy(2), EvalSha)
            { Since = "2.6.0", Summary = "Execute a Lua script server side" },
        new("evalsha_ro", -3, ReadOnly | NoScript, KeySpec.CountedBy(2), EvalShaRo)
            { Since = "7.0.0", Summary = "Execute a read-only Lua script server side" },
        new("script", -2, NoFlags, KeySpec.None, null)
        {
            Since = "2.6.0",
            Summary = "A container for Lua scripts management commands",
            Subcommands =
            [
                HelpTexts.Of("script", "5.0.0"),
                new("script|debug", 3, NoScript, KeySpec.None, Debug)
                    { Since = "3.2.0", Summary = "Set the debug mode for executed scripts." },
                new("script|exists", -3, NoScript, KeySpec.None, Exists)
                    { Since = "2.6.0", Summary = "Check existence of scripts in the script cache." },
                new("script|flush", -2, NoScript, KeySpec.None, Flush)
                    { Since = "2.6.0", Summary = "Remove all the scripts from the script cache." },
                new("script|kill", 2, NoScript | AllowBusy, KeySpec.None, Kill)
                    { Since = "2.6.0", Summary = "Kill the script currently in execution." },
                new("script|load", 3, NoScript, KeySpec.None, Load)
                    { Since = "2.6.0", Summary = "Load the specified Lua script into the script cache." },
            ],
        },
    ]);

    public static void Eval(in Call call) => Run(call, ScriptName.Of(call.Args[1]), call.Args[1].ToArray(), false);

    public static void EvalRo(in Call call) => Run(call, ScriptName.Of(call.Args[1]), call.Args[1].ToArray(), true);

    public static void EvalSha(in Call call) => Run(call, call.Args.Shown(1).ToLowerInvariant(), null, false);

    public static void EvalShaRo(in Call call) => Run(call, call.Args.Shown(1).ToLowerInvariant(), null, true);

    public static void Exists(in Call call)
    {
        call.Reply.Array(call.Args.Count - 2);
        for (int i = 2; i < call.Args.Count; i++)
        {
            call.Reply.Integer(ScriptCache.Of(call).Find(call.Args.Shown(i).ToLowerInvariant()) is null ? 0 : 1);
        }
    }

    public static void Flush(in Call call)
    {
        if (call.Args.Count > 3 || (call.Args.Count == 3 && !call.Args.Is(2, "sync"u8) && !call.Args.Is(2, "async"u8)))
        {
            call.Reply.Error("ERR SCRIPT FLUSH only support SYNC|ASYNC option"u8);
            return;
        }

        ScriptCache.Of(call).Clear();
        call.Reply.Ok();
    }

    /// <summary>There is no debugger to be switched on: a script has the server for itself while it runs.</summary>
    public static void Debug(in Call call)
    {
        if (call.Args.Is(2, "no"u8))
        {
            call.Reply.Ok();
        }
        else if (call.Args.Is(2, "yes"u8) || call.Args.Is(2, "sync"u8))
        {
            call.Reply.Error("ERR there is no debugger for scripts here"u8);
        }
        else
        {
            call.Reply.Error("ERR Use SCRIPT DEBUG YES/SYNC/NO"u8);
        }
    }

    public static void Kill(in Call call) => Kill(call, isFunction: false);

    /// <summary>Stops what runs for long, where it is of that kind and has written nothing.</summary>
    public static void Kill(in Call call, bool isFunction)
    {
        if (call.Engine.Busy is not { } script)
        {
            call.Reply.Error("NOTBUSY No scripts in execution right now."u8);
        }
        else if (script.IsFunction != isFunction)
        {
            call.Reply.Error(Errors.Busy(script.IsFunction));
        }
        else if (script.HasWritten)
        {
            call.Reply.Error(
                "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either "u8
                + "wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command."u8);
        }
        else
        {
            script.IsKilled = true;
            call.Reply.Ok();
        }
    }

    public static void Load(in Call call)
    {
        string name = ScriptName.Of(call.Args[2]);
        if (ScriptCache.Of(call).Add(name, call.Args[2].ToArray(), out _) is { } problem)
        {
            call.Reply.Error(problem);
        }
        else
        {
            call.Reply.Bulk(name);
        }
    }

    private static void Run(in Call call, string name, byte[]? source, bool readOnly)
    {
        if (!call.TryInteger(2, out long keys))
        {
            return;
        }

        if (keys > call.Args.Count - FirstKey)
        {
            call.Reply.Error("ERR Number of keys can't be greater than number of args"u8);
            return;
        }

        if (keys < 0)
        {
            call.Reply.Error("ERR Number of keys can't be negative"u8);
            return;
        }

        ScriptCache cache = ScriptCache.Of(call);
        string? problem = null;
        Script? script = cache.Find(name);
        if (script is null && source is not null)
        {
            problem = cache.Add(name, source, out script);
        }

        if (script is null)
        {
            call.Reply.Error(problem ?? "NOSCRIPT No matching script. Please use EVAL.");
            return;
        }

        if (readOnly && script.IsFlagged && !script.ReadOnly)
        {
            call.Reply.Error(Errors.WritesInReadOnly);
            return;
        }

        cache.Run(call, script, (int)keys, readOnly || script.ReadOnly);
    }
}
