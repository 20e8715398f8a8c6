namespace GuestMemFs.Tests;

/// <summary>Work on threads that has to come to an end.</summary>
internal static class Ended
{
    private static readonly TimeSpan s_limit = Patience.Limit;

    /// <summary>
    /// Does the actions on a thread each, and throws what the first of them threw; fails where one does not end.
    /// </summary>
    public static void All(params Action[] actions)
    {
        var errors = new Exception?[actions.Length];
        Thread[] threads = [.. actions.Select((action, i) =>
            new Thread(() => errors[i] = Record.Exception(action)) { IsBackground = true })];
        Array.ForEach(threads, thread => thread.Start());
        Assert.All(threads, thread => Assert.True(thread.Join(s_limit), "a thread goes on for ever"));
        if (errors.FirstOrDefault(error => error is not null) is { } first)
        {
            throw new InvalidOperationException($"A thread ended with {first.GetType().Name}: {first.Message}", first);
        }
    }

    /// <summary>Waits for an event; fails where it does not come.</summary>
    public static void Wait(ManualResetEventSlim signal) =>
        Assert.True(Within(signal, s_limit), "an event does not come");

    /// <summary>True where the event comes within a time.</summary>
    public static bool Within(ManualResetEventSlim signal, TimeSpan limit) =>
        signal.Wait(limit, TestContext.Current.CancellationToken);

    /// <summary>Does the action on another thread; what it threw, or null.</summary>
    public static Exception? With(Action action)
    {
        Exception? error = null;
        All(() => error = Record.Exception(action));
        return error;
    }
}
