using System.Diagnostics;
using KvStore.Engine;
using KvStore.Protocol;
using KvStore.Session;

namespace KvStore.Commands;

/// <summary>Runs a command with all that may be to do about it: pauses, clients that want no replies, what a client
/// said of the one command. Brief commands come here only where something of that is so.</summary>
internal static class CommandRun
{
    private static readonly TimeSpan s_evictionTurn = TimeSpan.FromMicroseconds(500);

    /// <summary>Runs a command; false where it waits for the end of a pause.</summary>
    public static bool TryExecute(ClientSession session, KvEngine engine, Command? command, Arguments args)
    {
        if (engine.Pause.IsOn && IsPaused(session, engine, command, args))
        {
            engine.Pause.Postpone(session);
            return false;
        }

        if (engine.IsOverLimit && engine.Busy is null && !engine.Pause.IsOn)
        {
            Eviction.TakeTurn(engine, s_evictionTurn);
        }

        long start = Stopwatch.GetTimestamp();
        session.BeginReply();
        bool hasRun = Dispatcher.Execute(session, engine, command, args);
        if (!engine.RemovesExpired)
        {
            engine.RemoveMissed();
        }

        if (session.Blocked is null)
        {
            session.EndReply();
        }
        else
        {
            session.Reply.IsMuted = false; // what others send it meanwhile is no reply
        }

        if (session.Tracking is { CachingSaid: true } tracking && session.Transaction is null
            && command?.Name != "client")
        {
            tracking.CachingSaid = false;
        }

        if (hasRun && command is not null && session.Blocked is null)
        {
            Command called = command.HasSubcommands && args.Count > 1
                ? command.FindSubcommand(args[1]) ?? command : command;
            TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
            CommandCounting.CountRun(session, engine, called.Number, elapsed);
            Measure(session, engine, command, args, elapsed);
        }

        return true;
    }

    private static void Measure(
        ClientSession session, KvEngine engine, Command command, Arguments args, TimeSpan elapsed)
    {
        ServerOptions options = engine.Options;
        long microseconds = elapsed.Ticks / TimeSpan.TicksPerMicrosecond;
        if (options.SlowerThan >= 0 && microseconds >= options.SlowerThan && options.SlowLogLength > 0)
        {
            engine.SlowLog.Add(
                SlowLog.Shorten(args), microseconds, session.Address, session.Name, options.SlowLogLength);
        }

        long milliseconds = microseconds / 1000;
        if (options.LatencyThreshold > 0 && milliseconds >= options.LatencyThreshold)
        {
            engine.Latency.Add(command.Has(CommandFlags.Fast) ? "fast-command" : "command", milliseconds);
        }
    }

    private static bool IsPaused(ClientSession session, KvEngine engine, Command? command, Arguments args)
    {
        Command? resolved = command is { HasSubcommands: true } && args.Count > 1
            ? command.FindSubcommand(args[1])
            : command;
        if (resolved is null || !resolved.AcceptsCount(args.Count))
        {
            return false; // it is refused, whether there is a pause or not
        }

        return !engine.Pause.OnlyWrites
            || (resolved.Name == "exec"
                ? session.Transaction?.Effects.HasFlag(QueuedEffects.WaitsInPause) == true
                : CommandEffects.WaitsInPause(engine, resolved, args));
    }
}
