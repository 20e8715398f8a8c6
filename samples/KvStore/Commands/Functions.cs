using System.Text;
using KvStore.Engine;
using KvStore.Memory;
using KvStore.Protocol;
using KvStore.Rdb;
using KvStore.Scripts;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>FUNCTION and FCALL: libraries of functions, which are kept over restarts.</summary>
internal static class Functions
{
    private const int FirstKey = 3;

    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("scripting",
    [
        new("fcall", -3, NoScript, KeySpec.CountedBy(2), FCall) { Since = "7.0.0", Summary = "Invoke a function" },
        new("fcall_ro", -3, ReadOnly | NoScript, KeySpec.CountedBy(2), FCallRo)
            { Since = "7.0.0", Summary = "Invoke a read-only function" },
        new("function", -2, NoFlags, KeySpec.None, null)
        {
            Since = "7.0.0",
            Summary = "A container for function commands",
            Subcommands =
            [
                Sub("load", -3, Write | DenyOom, Load, "Create a function with the given arguments (name, code, "
                    + "description)"),
                Sub("delete", 3, Write, Delete, "Delete a function by name"),
                Sub("list", -2, NoFlags, List, "List information about all the functions"),
                Sub("stats", 2, AllowBusy, Stats, "Return information about the function currently running (name, "
                    + "description, duration)"),
                Sub("kill", 2, AllowBusy, Kill, "Kill the function currently in execution."),
                Sub("flush", -2, Write, Flush, "Deleting all functions"),
                Sub("dump", 2, NoFlags, Dump, "Dump all functions into a serialized binary payload"),
                Sub("restore", -3, Write | DenyOom, Restore, "Restore all the functions on the given payload"),
                HelpTexts.Of("function", "7.0.0"),
            ],
        },
    ]);

    public static void FCall(in Call call) => Run(call, readOnly: false);

    public static void FCallRo(in Call call) => Run(call, readOnly: true);

    public static void Load(in Call call)
    {
        int last = call.Args.Count - 1;
        bool replaces = false;
        int at = 2;
        for (; at < last && call.Args.Is(at, "replace"u8); at++)
        {
            replaces = true;
        }

        if (at < last)
        {
            call.Reply.Error($"ERR Unknown option given: {call.Args.Shown(at)}");
            return;
        }

        byte[] source = call.Args[last].ToArray();
        LibraryCollision collision = replaces ? LibraryCollision.Replaced : LibraryCollision.Refused;
        if (FunctionRegistry.Of(call).Add([source], collision, quotes: true) is { } problem)
        {
            call.Reply.Error(problem);
            return;
        }

        _ = FunctionLibrary.TryReadName(source, out string name, out _);
        call.Reply.Bulk(name);
    }

    public static void Delete(in Call call)
    {
        if (FunctionRegistry.Of(call).Remove(call.Args.Shown(2)))
        {
            call.Reply.Ok();
        }
        else
        {
            call.Reply.Error("ERR Library not found"u8);
        }
    }

    public static void Flush(in Call call)
    {
        if (call.Args.Count > 3)
        {
            call.Reply.Error(Errors.NoSuchForm(call.Args.Shown(1), "FUNCTION"));
        }
        else if (call.Args.Count == 3 && !call.Args.Is(2, "sync"u8) && !call.Args.Is(2, "async"u8))
        {
            call.Reply.Error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option"u8);
        }
        else
        {
            FunctionRegistry.Of(call).Clear();
            call.Reply.Ok();
        }
    }

    public static void List(in Call call)
    {
        ReadOnlySpan<byte> pattern = "*"u8;
        bool hasPattern = false;
        bool hasCode = false;
        for (int i = 2; i < call.Args.Count; i++)
        {
            if (!hasCode && call.Args.Is(i, "withcode"u8))
            {
                hasCode = true;
            }
            else if (!hasPattern && call.Args.Is(i, "libraryname"u8))
            {
                if (++i == call.Args.Count)
                {
                    call.Reply.Error("ERR library name argument was not given"u8);
                    return;
                }

                pattern = call.Args[i];
                hasPattern = true;
            }
            else
            {
                call.Reply.Error($"ERR Unknown argument {call.Args.Shown(i)}");
                return;
            }
        }

        if (TryLibraries(call, out IReadOnlyList<FunctionLibrary> libraries))
        {
            ReplyLibraries(call.Reply, libraries, pattern, hasCode);
        }
    }

    public static void Kill(in Call call) => Scripting.Kill(call, isFunction: true);

    public static void Stats(in Call call)
    {
        if (call.Engine.Busy is { IsFunction: false })
        {
            call.Reply.Error(Errors.Busy(isFunction: false));
            return;
        }

        if (!TryLibraries(call, out IReadOnlyList<FunctionLibrary> libraries))
        {
            return;
        }

        RespWriter reply = call.Reply;
        reply.Map(2);
        reply.Bulk("running_script"u8);
        ReplyRunning(reply, call.Engine.Busy);
        reply.Bulk("engines"u8);
        reply.Map(1);
        reply.Bulk("LUA"u8);
        reply.Map(2);
        reply.Bulk("libraries_count"u8);
        reply.Integer(libraries.Count);
        reply.Bulk("functions_count"u8);
        reply.Integer(FunctionRegistry.Of(call).FunctionCount);
    }

    private static void ReplyRunning(RespWriter reply, RunningScript? function)
    {
        if (function is null)
        {
            reply.Null();
            return;
        }

        reply.Map(3);
        reply.Bulk("name"u8);
        reply.Bulk(Encoding.Latin1.GetBytes(function.Name));
        reply.Bulk("command"u8);
        reply.Array(function.Command!.Length);
        foreach (byte[] argument in function.Command)
        {
            reply.Bulk(argument);
        }

        reply.Bulk("duration_ms"u8);
        reply.Integer((long)function.Elapsed.TotalMilliseconds);
    }

    public static void Dump(in Call call)
    {
        if (!TryLibraries(call, out IReadOnlyList<FunctionLibrary> libraries))
        {
            return;
        }

        using GrowingBuffer bytes = new();
        RdbOutput output = new(bytes);
        foreach (FunctionLibrary library in libraries)
        {
            output.Byte(DumpPayload.Function);
            output.String(library.Source);
        }

        DumpPayload.Close(output, DumpPayload.Version);
        call.Reply.Bulk(bytes.Span);
    }

    public static void Restore(in Call call)
    {
        if (call.Args.Count > 4)
        {
            call.Reply.Error(Errors.NoSuchForm(call.Args.Shown(1), "FUNCTION"));
            return;
        }

        LibraryCollision collision = LibraryCollision.Refused;
        if (call.Args.Count == 4 && !TryCollision(call, out collision))
        {
            call.Reply.Error(
                "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE."u8);
            return;
        }

        if (!DumpPayload.TryOpen(call.Args[2], out ReadOnlySpan<byte> content))
        {
            call.Reply.Error("ERR DUMP payload version or checksum are wrong"u8);
            return;
        }

        List<byte[]> sources = [];
        if ((ReadSources(call, content, sources) ?? FunctionRegistry.Of(call).Add(sources, collision, quotes: false))
            is { } problem)
        {
            call.Reply.Error(problem);
        }
        else
        {
            call.Reply.Ok();
        }
    }

    private static Command Sub(string name, int arity, CommandFlags flags, CommandHandler handler, string summary) =>
        new($"function|{name}", arity, flags | NoScript, KeySpec.None, handler) { Since = "7.0.0", Summary = summary };

    private static void Run(in Call call, bool readOnly)
    {
        FunctionRegistry registry = FunctionRegistry.Of(call);
        if (registry.Find(call.Args.Shown(1)) is not { } function)
        {
            call.Reply.Error("ERR Function not found"u8);
        }
        else if (!Numbers.TryParse(call.Args[2], out long keys))
        {
            call.Reply.Error("ERR Bad number of keys provided"u8);
        }
        else if (keys > call.Args.Count - FirstKey)
        {
            call.Reply.Error("ERR Number of keys can't be greater than number of args"u8);
        }
        else if (keys < 0)
        {
            call.Reply.Error("ERR Number of keys can't be negative"u8);
        }
        else if (readOnly && !function.ReadOnly)
        {
            call.Reply.Error(Errors.WritesInReadOnly);
        }
        else
        {
            registry.Run(call, function, (int)keys, function.ReadOnly);
        }
    }

    /// <summary>All libraries in the order of their names, or the error is replied.</summary>
    private static bool TryLibraries(in Call call, out IReadOnlyList<FunctionLibrary> libraries)
    {
        string? problem = FunctionRegistry.Of(call).TryRead(out IReadOnlyDictionary<string, FunctionLibrary>? all);
        libraries = [.. (all?.Values ?? []).OrderBy(library => library.Name, StringComparer.Ordinal)];
        if (problem is not null)
        {
            call.Reply.Error(problem);
        }

        return problem is null;
    }

    private static void ReplyLibraries(
        RespWriter reply, IReadOnlyList<FunctionLibrary> libraries, ReadOnlySpan<byte> pattern, bool withCode)
    {
        List<FunctionLibrary> shown = [];
        foreach (FunctionLibrary library in libraries)
        {
            if (Glob.IsMatch(pattern, Encoding.Latin1.GetBytes(library.Name), ignoreCase: true))
            {
                shown.Add(library);
            }
        }

        reply.Array(shown.Count);
        foreach (FunctionLibrary library in shown)
        {
            reply.Map(withCode ? 4 : 3);
            reply.Bulk("library_name"u8);
            reply.Bulk(library.Name);
            reply.Bulk("engine"u8);
            reply.Bulk("LUA"u8);
            reply.Bulk("functions"u8);
            reply.Array(library.Functions.Count);
            foreach (LibraryFunction function in library.Functions.OrderBy(it => it.Name, StringComparer.Ordinal))
            {
                ReplyFunction(reply, function);
            }

            if (withCode)
            {
                reply.Bulk("library_code"u8);
                reply.Bulk(library.Source);
            }
        }
    }

    private static void ReplyFunction(RespWriter reply, LibraryFunction function)
    {
        reply.Map(3);
        reply.Bulk("name"u8);
        reply.Bulk(function.Name);
        reply.Bulk("description"u8);
        if (function.Description is { } description)
        {
            reply.Bulk(description);
        }
        else
        {
            reply.Null();
        }

        reply.Bulk("flags"u8);
        reply.Set(function.Flags.Count);
        foreach (string flag in function.Flags)
        {
            reply.Simple(Encoding.ASCII.GetBytes(flag));
        }
    }

    private static bool TryCollision(in Call call, out LibraryCollision collision)
    {
        collision = call.Args.Is(3, "flush"u8) ? LibraryCollision.Flushed
            : call.Args.Is(3, "replace"u8) ? LibraryCollision.Replaced
            : LibraryCollision.Refused;
        return collision != LibraryCollision.Refused || call.Args.Is(3, "append"u8);
    }

    /// <summary>Reads the texts of libraries; null, or what is wrong.</summary>
    private static string? ReadSources(in Call call, ReadOnlySpan<byte> content, List<byte[]> sources)
    {
        if (content.IsEmpty)
        {
            return null;
        }

        string? wrong = null;
        try
        {
            RdbInput.Read(content, call.Engine.Options.Protocol.MaxBulkLength, input =>
            {
                using GrowingBuffer text = new();
                while (input.Remaining > 0)
                {
                    if (input.ReadByte() != DumpPayload.Function)
                    {
                        wrong = "ERR given type is not a function";
                        return;
                    }

                    input.ReadString(text);
                    sources.Add(text.Span.ToArray());
                }
            });
            return wrong;
        }
        catch (RdbFormatException)
        {
            return "ERR failed loading the given functions payload";
        }
    }
}
