namespace KvStore.Engine;

/// <summary>
/// The server's idea of the time, by which keys expire: the machine's clock. Tests put another one here before the
/// server starts.
/// </summary>
internal static class WallClock
{
    private static readonly HeldClock s_clock = new();

    /// <summary>By which keys expire: what was put here, and it stands still while it is held.</summary>
    public static TimeProvider Source
    {
        get => s_clock;
        set => s_clock.Inner = value;
    }

    public static DateTimeOffset Now => s_clock.GetUtcNow();

    /// <summary>Milliseconds since 1970-01-01 UTC.</summary>
    public static long Milliseconds => Now.ToUnixTimeMilliseconds();

    /// <summary>What it is, also where nothing expires (<see cref="HoldPast"/>).</summary>
    public static DateTimeOffset TimeOfDay => s_clock.GetTimeOfDay();

    /// <summary>That many milliseconds as a time; the last one there is for later ones.</summary>
    public static DateTimeOffset At(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(
        Math.Clamp(milliseconds, 0, DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()));

    /// <summary>
    /// It stands still until <see cref="Release"/>: what a command sees of a key before, in and after its change is of
    /// one instant. Under the engine's gate; other threads see the same.
    /// </summary>
    /// <returns>False where it is held already.</returns>
    public static bool TryHold() => s_clock.TryHold();

    /// <summary>It moves again.</summary>
    public static void Release() => s_clock.Release();

    /// <summary>
    /// For this thread nothing has expired until <see cref="ReleasePast"/>: a replica does what its master did, for
    /// which it had not.
    /// </summary>
    public static void HoldPast() => s_clock.PastThread = Environment.CurrentManagedThreadId;

    /// <summary>It has.</summary>
    public static void ReleasePast() => s_clock.PastThread = 0;

    private sealed class HeldClock : TimeProvider
    {
        private long _heldTicks;

        private volatile int _pastThread;

        public TimeProvider Inner { get; set; } = System;

        /// <summary>The thread for which it is 1970; 0 for none.</summary>
        public int PastThread
        {
            set => _pastThread = value;
        }

        public override DateTimeOffset GetUtcNow() =>
            _pastThread != 0 && _pastThread == Environment.CurrentManagedThreadId
                ? DateTimeOffset.UnixEpoch : GetTimeOfDay();

        public DateTimeOffset GetTimeOfDay()
        {
            long held = Volatile.Read(ref _heldTicks);
            return held != 0 ? new DateTimeOffset(held, TimeSpan.Zero) : Inner.GetUtcNow();
        }

        public bool TryHold()
        {
            if (_heldTicks != 0)
            {
                return false;
            }

            Volatile.Write(ref _heldTicks, Inner.GetUtcNow().UtcTicks);
            return true;
        }

        public void Release() => Volatile.Write(ref _heldTicks, 0);
    }
}
