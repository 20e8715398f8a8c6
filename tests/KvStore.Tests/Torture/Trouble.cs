using System.Diagnostics;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Torture;

/// <summary>
/// What a server has to bear besides the kills: nothing, here. Where it runs, what goes on while it is under load, and
/// what before it starts again.
/// </summary>
internal class Trouble : IDisposable
{
    /// <summary>What a report calls it.</summary>
    public virtual string Name => "plain";

    /// <summary>What to run.</summary>
    public virtual ServerProgram Program => TestServer.Program();

    /// <summary>Where the server's directory is made; null for the usual place.</summary>
    public virtual string? Place => null;

    /// <summary>True where there may be no room, so that <c>-OOM</c> is a right answer.</summary>
    public virtual bool IsTight => false;

    /// <summary>True where the kernel may end the server for want of memory: a SIGKILL like the others.</summary>
    public virtual bool KernelMayKill => false;

    /// <summary>The server's clock.</summary>
    public virtual ServerClock Clock { get; } = new();

    /// <summary>Lets so much time pass while the server is under load.</summary>
    public virtual void Pass(TimeSpan duration, ServerProcess server, Random random) => Wait(duration);

    /// <summary>No server runs; the next starts after it.</summary>
    public virtual void BeforeStart(Random random)
    {
    }

    public virtual void Dispose()
    {
    }

    /// <summary>Waits to the microsecond, so that the instant is really a random one.</summary>
    public static void Wait(TimeSpan duration)
    {
        long start = Stopwatch.GetTimestamp();
        if (duration.TotalMilliseconds > 3)
        {
            Thread.Sleep((int)duration.TotalMilliseconds - 2);
        }

        while (Stopwatch.GetElapsedTime(start) < duration)
        {
            Thread.Sleep(0);
        }
    }
}

/// <summary>The arena is full most of the time.</summary>
internal sealed class FullArena : Trouble
{
    public override string Name => "full arena";

    public override ServerProgram Program => TestServer.Program("6M");

    public override bool IsTight => true;
}

/// <summary>
/// The server is stopped (SIGSTOP) in mid-work for a while, and killed as it stands or soon after it goes on.
/// </summary>
internal sealed class Pauses : Trouble
{
    public override string Name => "stopped and continued";

    public override void Pass(TimeSpan duration, ServerProcess server, Random random)
    {
        Wait(duration * 0.5);
        server.Pause();
        Wait(duration * 0.3);
        if (random.Next(3) > 0)
        {
            server.Resume();
            Wait(duration * 0.2);
        }
    }
}

/// <summary>
/// The server's clock is set ahead and back by hours while it is down and by minutes while it is under load, or stands
/// still.
/// </summary>
/// <remarks>
/// Nothing of the load expires within a day, so nothing may ever be gone; and every time to live must be what the clock
/// of its command said.
/// </remarks>
internal sealed class WrongClock : Trouble
{
    // So that two times of the load, which lie a day and more apart, are never taken for each other.
    private const long Jump = 100_000;
    private const long Drift = 20_000_000;
    private readonly TemporaryDirectory _directory = new();
    private readonly MovableClock _clock;

    public WrongClock() => _clock = new MovableClock(Path.Combine(_directory.Path, "clock"));

    public override string Name => "clock set back, ahead, stopped";

    public override ServerProgram Program => TestServer.WithClock(TestServer.Program(),
        Path.Combine(_directory.Path, "clock"));

    public override ServerClock Clock => _clock;

    public override void Pass(TimeSpan duration, ServerProcess server, Random random)
    {
        Wait(duration * 0.5);
        if (random.Next(3) == 0)
        {
            _clock.Stop();
        }
        else
        {
            _clock.Set(_clock.Now - Instant.Now + random.NextInt64(-Jump, Jump));
        }

        Wait(duration * 0.5);
    }

    public override void BeforeStart(Random random)
    {
        if (random.Next(3) > 0)
        {
            _clock.Set(random.NextInt64(-Drift, Drift));
        }
    }

    public override void Dispose()
    {
        _clock.Dispose();
        _directory.Dispose();
        base.Dispose();
    }
}
