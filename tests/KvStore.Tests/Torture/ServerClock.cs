using Microsoft.Win32.SafeHandles;

namespace KvStore.Tests.Torture;

/// <summary>What time a server takes it to be, for who knows only this machine's clock: the same.</summary>
internal class ServerClock
{
    /// <summary>
    /// Between which of its times a server was that was asked and answered at these of ours; all in Unix milliseconds.
    /// </summary>
    public virtual Instant Between(long from, long to) => new(from, to);
}

/// <summary>
/// A clock that can be set and stopped while the server that goes by it runs: a word in a file. The server reads it in
/// place of the machine's clock where <see cref="Variable"/> names the file (see <see cref="StartupHook"/>). For one
/// thread.
/// </summary>
internal sealed class MovableClock : ServerClock, IDisposable
{
    /// <summary>The environment variable that names the file.</summary>
    public const string Variable = "GMF_TEST_CLOCK";

    private readonly SafeFileHandle _file;
    private readonly List<Period> _periods = [new(0, long.MaxValue, 0, IsStopped: false)];

    /// <param name="path">The file to make.</param>
    public MovableClock(string path)
    {
        _file = File.OpenHandle(path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite);
        Begin(0, stopped: false);
    }

    /// <summary>Its time now.</summary>
    public long Now => _periods[^1].At(Instant.Now);

    /// <summary>From now on it goes by the machine's clock, so many milliseconds ahead of it (or behind).</summary>
    public void Set(long ahead) => Begin(ahead, stopped: false);

    /// <summary>
    /// From now on it stands still. A server may have read a later time meanwhile: <see cref="Pass"/> puts a clock
    /// ahead that never goes back.
    /// </summary>
    public void Stop() => Begin(Now, stopped: true);

    /// <summary>
    /// Puts a clock that stands still ahead, by one store: a server sees the time before it or the one after it.
    /// </summary>
    public void Pass(long milliseconds)
    {
        Assert.True(_periods[^1].IsStopped, "a clock that runs cannot be put ahead without running on");
        Begin(Now + milliseconds, stopped: true);
    }

    public override Instant Between(long from, long to)
    {
        IEnumerable<long> ends = _periods
            .Where(p => p.From <= to && p.Until >= from)
            .SelectMany(p => (long[])[p.At(Math.Max(from, p.From)), p.At(Math.Min(to, p.Until))]);
        return new Instant(ends.Min(), ends.Max());
    }

    /// <summary>
    /// What the file says of the time. The word's lowest bit tells a time that stands still from a distance to the
    /// machine's clock.
    /// </summary>
    public static long Read(SafeFileHandle file, long machine)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        RandomAccess.Read(file, bytes, 0);
        long word = BitConverter.ToInt64(bytes);
        return (word & 1) != 0 ? word >> 1 : machine + (word >> 1);
    }

    public void Dispose() => _file.Dispose();

    private void Begin(long value, bool stopped)
    {
        long before = Instant.Now;
        RandomAccess.Write(_file, BitConverter.GetBytes((value << 1) | (stopped ? 1L : 0L)), 0);

        // The server may have read the old or the new word while it was written.
        _periods[^1] = _periods[^1] with { Until = Instant.Now };
        _periods.Add(new Period(before, long.MaxValue, value, stopped));
    }

    private readonly record struct Period(long From, long Until, long Value, bool IsStopped)
    {
        public long At(long machine) => IsStopped ? Value : machine + Value;
    }
}
