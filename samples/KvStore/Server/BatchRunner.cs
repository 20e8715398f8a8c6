using System.Diagnostics;
using System.Numerics;
using KvStore.Commands;
using KvStore.Engine;
using KvStore.Protocol;
using KvStore.Session;

namespace KvStore.Server;

/// <summary>
/// Runs the frames of one receive: a few at a time, so that the memory their keys need can be asked for before the
/// first of them runs.
/// </summary>
/// <remarks>Used under the engine's gate.</remarks>
internal sealed class BatchRunner(KvEngine engine)
{
    private const int Window = 16;

    private readonly Frame[] _frames = new Frame[Window];
    private readonly int[] _ends = new int[Window];
    private readonly Command?[] _commands = new Command?[Window];
    private BatchRunner? _meanwhile;

    /// <summary>Runs what is whole in the buffer, and returns how many bytes that was.</summary>
    /// <param name="session">Whose bytes these are.</param>
    /// <param name="buffer">All bytes received that were not consumed.</param>
    /// <param name="needed">With how many bytes in the buffer, once what was consumed is gone, it is worth coming back;
    /// 0: some frames were left for after a flush.</param>
    public int Run(ClientSession session, ReadOnlySpan<byte> buffer, out int needed) =>
        engine.Busy is null ? RunAll(session, buffer, out needed)
            : (_meanwhile ??= new BatchRunner(engine)).RunAll(session, buffer, out needed);

    private int RunAll(ClientSession session, ReadOnlySpan<byte> buffer, out int needed)
    {
        RequestParser parser = session.Parser;
        long softLimit = engine.Options.OutputSoftLimit;
        int position = 0;
        needed = 0;
        while (!session.IsBlocked)
        {
            ParseStatus status = ParseWindow(session, buffer, ref position, out int count);
            int run = RunWindow(session, buffer, count);
            if (session.Close)
            {
                parser.Clear();
                return buffer.Length;
            }

            if (session.IsBlocked)
            {
                // What is behind its command waits, and is parsed again.
                position = run > 0 ? _ends[run - 1] : 0;
                parser.Restart();
                break;
            }

            parser.Clear();
            if (status != ParseStatus.Frame)
            {
                return Stop(session, status, position, buffer.Length, out needed);
            }

            if (position == buffer.Length || session.Reply.Pending > softLimit)
            {
                needed = position == buffer.Length ? 1 : 0;
                return position;
            }
        }

        needed = buffer.Length - position + 1; // what comes is received, for as long as there is room
        return position;
    }

    /// <summary>What is left is no whole frame, or none at all; returns how many bytes are done.</summary>
    private static int Stop(ClientSession session, ParseStatus status, int position, int length, out int needed)
    {
        needed = 0;
        if (status == ParseStatus.Error)
        {
            session.Reply.Error("ERR " + session.Parser.Error);
            session.Close = true;
            return length;
        }

        session.Parser.Rebase(position);
        needed = session.Parser.Needed - position;
        return position;
    }

    /// <summary>Finds the next few frames.</summary>
    private ParseStatus ParseWindow(ClientSession session, ReadOnlySpan<byte> buffer, ref int position, out int count)
    {
        // What a client may send changes with AUTH: until then, one frame at a time.
        int window = session.Authenticated ? Window : 1;
        count = 0;
        ParseStatus status = ParseStatus.Frame;
        while (count < window
            && (status = session.Parser.TryParse(buffer, ref position, out Frame frame)) == ParseStatus.Frame)
        {
            _ends[count] = position;
            _frames[count++] = frame;
            if (frame.Inline || position == buffer.Length)
            {
                break;
            }
        }

        return status;
    }

    /// <summary>Runs frames, until one blocks its client or ends the connection; how many it ran.</summary>
    private int RunWindow(ClientSession session, ReadOnlySpan<byte> buffer, int count)
    {
        FindCommands(session, buffer, count);
        int run = 0;
        uint brief = 0; // those of the window that ran without a clock of their own
        long start = 0;
        while (run < count && !session.Close && !session.IsBlocked)
        {
            Arguments args = session.Parser.Arguments(buffer, _frames[run]);
            Command? command = _commands[run];
            if (command is { IsBrief: true } && !engine.IsSpecial && !session.IsSpecial)
            {
                start = brief == 0 ? Stopwatch.GetTimestamp() : start;
                if (Dispatcher.Execute(session, engine, command, args))
                {
                    brief |= 1u << run;
                    CommandCounting.CountFailure(session, engine, command.Number);
                }
            }
            else
            {
                brief = CountBrief(brief, start);
                if (!CommandRun.TryExecute(session, engine, command, args))
                {
                    break; // it waits for the end of a pause
                }
            }

            run++;
            if (session.Waiting is not null)
            {
                session.SendWaiting();
            }

            if (engine.Waiting.HasReady && engine.Busy is null)
            {
                BlockedClients.ServeReady(engine);
            }
        }

        CountBrief(brief, start);
        return run;
    }

    private void FindCommands(ClientSession session, ReadOnlySpan<byte> buffer, int count)
    {
        engine.Databases.Select(session.Database);
        bool prefetches = count > 1 && engine.Busy is null;
        for (int i = 0; i < count; i++)
        {
            Arguments args = session.Parser.Arguments(buffer, _frames[i]);
            Command? command = BuiltIn.Table.Find(args[0]);
            _commands[i] = command;
            if (prefetches && command is { Keys.First: 1 } && args.Count > 1)
            {
                engine.Keys.Prefetch(args[1]);
            }
        }
    }

    /// <summary>Counts brief commands, which share their time: a look at the clock takes as long as some.</summary>
    /// <returns>0: none is left to be counted.</returns>
    private uint CountBrief(uint brief, long start)
    {
        if (brief != 0)
        {
            long share = (Stopwatch.GetElapsedTime(start).Ticks * TimeSpan.NanosecondsPerTick)
                / BitOperations.PopCount(brief);
            bool keepsTime = engine.Options.TracksLatency;
            for (int i = BitOperations.TrailingZeroCount(brief); brief != 0;)
            {
                Command command = _commands[i]!;
                int calls = 0;
                do
                {
                    calls++;
                    brief &= brief - 1;
                    i = BitOperations.TrailingZeroCount(brief);
                }
                while (brief != 0 && _commands[i] == command); // most clients send the same again
                engine.CommandStatistics.Ran(command.Number, calls, share, keepsTime);
            }
        }

        return 0;
    }
}
