using System.Numerics;
using GuestMemFs;
using KvStore.Engine;
using KvStore.Protocol;
using KvStore.Session;

namespace KvStore.Commands;

/// <summary>
/// What blocking commands have in common: a command that finds no key ready waits, and runs again for the first key
/// that becomes so, or replies when its time is over.
/// </summary>
/// <remarks>In a transaction and in a script nothing waits.</remarks>
internal static class Blocking
{
    /// <summary>Reads a time to wait, or replies what is wrong with it.</summary>
    /// <param name="call">The command.</param>
    /// <param name="index">The argument: seconds, or parts of them.</param>
    /// <param name="deadline">In milliseconds of the engine's clock; 0 for none.</param>
    public static bool TryDeadline(in Call call, int index, out long deadline)
    {
        deadline = 0;
        if (!ExtendedFloat.TryParse(call.Args[index], out ExtendedFloat seconds))
        {
            call.Reply.Error("ERR timeout is not a float or out of range"u8);
            return false;
        }

        BigInteger milliseconds = seconds.IsFinite ? seconds.CeilingOf(1000) : BigInteger.MinusOne;
        if (milliseconds.Sign < 0 || milliseconds > long.MaxValue)
        {
            // What has no place in 64 bits is the least number there is, as on x86.
            call.Reply.Error("ERR timeout is negative"u8);
            return false;
        }

        // Redis adds it to the time of day.
        if (milliseconds > long.MaxValue - WallClock.Now.ToUnixTimeMilliseconds())
        {
            call.Reply.Error("ERR timeout is out of range"u8);
            return false;
        }

        deadline = milliseconds.IsZero ? 0 : KvEngine.DueIn((long)milliseconds);
        return true;
    }

    /// <summary>The same, where the argument is a whole number of milliseconds.</summary>
    public static bool TryMilliseconds(in Call call, int index, out long deadline)
    {
        deadline = 0;
        bool isNumber = Numbers.TryParse(call.Args[index], out long milliseconds);
        ReadOnlySpan<byte> wrong = !isNumber ? "ERR timeout is not an integer or out of range"u8
            : milliseconds < 0 ? "ERR timeout is negative"u8
            : milliseconds > long.MaxValue - WallClock.Milliseconds ? "ERR timeout is out of range"u8
            : default;
        if (!wrong.IsEmpty)
        {
            call.Reply.Error(wrong);
            return false;
        }

        deadline = milliseconds == 0 ? 0 : KvEngine.DueIn(milliseconds);
        return true;
    }

    /// <summary>True where the command runs again for another key than that.</summary>
    public static bool IsForAnother(in Call call, ReadOnlySpan<byte> key) =>
        call.Session.Blocked?.ReadyKey is { } ready && !key.SequenceEqual(ready);

    /// <summary>No key was ready: the client waits, where it may.</summary>
    /// <param name="call">The command.</param>
    /// <param name="first">The first argument that is a key.</param>
    /// <param name="count">How many are.</param>
    /// <param name="type">What a key must have to be of use.</param>
    /// <param name="deadline">When it stops to wait.</param>
    /// <returns>False where it may not: the command replies at once.</returns>
    public static bool TryWait(in Call call, int first, int count, RecordType type, long deadline)
    {
        ClientSession session = call.Session;
        if (session.RunsTransaction)
        {
            return false;
        }

        if (session.Blocked is null)
        {
            Wait(call, new BlockedCommand(new KeptArguments(call.Args), type, deadline), first, count);
        }

        return true; // it may have run again in vain: then it keeps its place
    }

    /// <summary>The client waits: so many keys, from an argument on.</summary>
    public static void Wait(in Call call, BlockedCommand blocked, int first, int count)
    {
        blocked.CommandNumber = call.Command.Number;
        call.Engine.Waiting.Add(call.Session, blocked, first, count);
        if (blocked.Deadline != 0)
        {
            call.Engine.Server.WakeBy(blocked.Deadline);
        }
    }

    /// <summary>The client waits no more, as if its time were over, or with an error.</summary>
    public static void GiveUp(KvEngine engine, ClientSession session, bool asError)
    {
        session.BeginReply();
        if (asError)
        {
            session.Reply.Error("UNBLOCKED client unblocked via CLIENT UNBLOCK"u8);
        }
        else if (session.Blocked!.Replicas > 0)
        {
            session.Reply.Integer(engine.Feed.CountAt(session.WrittenTo));
        }
        else
        {
            session.Reply.NullArray();
        }

        if (session.Blocked is { CommandNumber: >= 0 } blocked)
        {
            CommandCounting.CountRun(session, engine, blocked.CommandNumber, TimeSpan.Zero);
        }

        Unblock(engine, session);
    }

    /// <summary>The client has its reply: it is sent, and what the client sent behind the command runs.</summary>
    public static void Unblock(KvEngine engine, ClientSession session)
    {
        engine.Waiting.Remove(session);
        session.EndReply();
        if (session.Waiting is not null)
        {
            session.SendWaiting();
        }

        session.Reply.Commit();
        session.Link?.Resume();
    }
}
