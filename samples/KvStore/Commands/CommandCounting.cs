using KvStore.Engine;
using KvStore.Session;

namespace KvStore.Commands;

/// <summary>Counts commands for INFO commandstats: that they ran, failed, were refused.</summary>
internal static class CommandCounting
{
    /// <summary>A command ran, and may have failed.</summary>
    public static void CountRun(ClientSession session, KvEngine engine, int number, TimeSpan elapsed)
    {
        engine.CommandStatistics.Ran(
            number, 1, elapsed.Ticks * TimeSpan.NanosecondsPerTick, engine.Options.TracksLatency);
        CountFailure(session, engine, number);
    }

    /// <summary>It failed where it has replied an error that is counted nowhere yet.</summary>
    public static void CountFailure(ClientSession session, KvEngine engine, int number)
    {
        if (session.CountedErrors != session.Reply.AllErrors)
        {
            session.CountedErrors = session.Reply.AllErrors;
            engine.CommandStatistics.Failed(number);
        }
    }

    /// <summary>A command was refused, and its error replied; null where there is none of that name.</summary>
    public static void CountRejected(ClientSession session, KvEngine engine, Command? command)
    {
        session.CountedErrors = session.Reply.AllErrors;
        if (command?.Handler is not null)
        {
            engine.CommandStatistics.Rejected(command.Number);
        }
    }
}
