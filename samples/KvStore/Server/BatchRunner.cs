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
    private readonly Command?[] _commands = new Command?[Window];

    /// <summary>Runs what is whole in the buffer, and returns how many bytes that was.</summary>
    /// <param name="session">Whose bytes these are.</param>
    /// <param name="buffer">All bytes received that were not consumed.</param>
    /// <param name="needed">With how many bytes in the buffer, once what was consumed is gone, it is worth coming back;
    /// 0: some frames were left for after a flush.</param>
    public int Run(ClientSession session, ReadOnlySpan<byte> buffer, out int needed)
    {
        RequestParser parser = session.Parser;
        long softLimit = engine.Options.OutputSoftLimit;
        int position = 0;
        needed = 0;
        while (true)
        {
            // What a client may send changes with AUTH: until then, one frame at a time.
            int window = session.Authenticated ? Window : 1;
            int count = 0;
            ParseStatus status = ParseStatus.Frame;
            while (count < window
                && (status = parser.TryParse(buffer, ref position, out Frame frame)) == ParseStatus.Frame)
            {
                _frames[count++] = frame;
                if (frame.Inline || position == buffer.Length)
                {
                    break;
                }
            }

            RunWindow(session, buffer, count);
            parser.Clear();
            if (session.Close)
            {
                return buffer.Length;
            }

            if (status == ParseStatus.Error)
            {
                session.Reply.Error("ERR " + parser.Error);
                session.Close = true;
                return buffer.Length;
            }

            if (status == ParseStatus.NeedMore)
            {
                parser.Rebase(position);
                needed = parser.Needed - position;
                return position;
            }

            if (position == buffer.Length)
            {
                needed = 1;
                return position;
            }

            if (session.Reply.Pending > softLimit)
            {
                return position;
            }
        }
    }

    private void RunWindow(ClientSession session, ReadOnlySpan<byte> buffer, int count)
    {
        for (int i = 0; i < count; i++)
        {
            Arguments args = session.Parser.Arguments(buffer, _frames[i]);
            Command? command = BuiltIn.Table.Find(args[0]);
            _commands[i] = command;
            if (count > 1 && command is { Keys.First: 1 } && args.Count > 1)
            {
                engine.Keys.Prefetch(args[1]);
            }
        }

        for (int i = 0; i < count && !session.Close; i++)
        {
            Dispatcher.Execute(session, engine, _commands[i], session.Parser.Arguments(buffer, _frames[i]));
            if (session.Waiting is not null)
            {
                session.SendWaiting();
            }
        }
    }
}
