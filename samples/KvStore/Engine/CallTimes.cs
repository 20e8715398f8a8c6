using System.Numerics;

namespace KvStore.Engine;

/// <summary>How long the calls of one command took: how many took about so long. Used under the
/// engine's gate.</summary>
internal sealed class CallTimes
{
    // A call of up to 1024 ns counts in the first range. Each power of two behind that has eight ranges.
    private const int FirstPower = 10;
    private const int Powers = 24;
    private const int PartsPower = 3;
    private const int Parts = 1 << PartsPower;

    // Redis counts in steps of 1/128: LATENCY HISTOGRAM shows the step that a power's time is in.
    private const int Steps = 128;

    private readonly long[] _calls = new long[1 + (Powers * Parts)];

    /// <summary>Counts calls that took as long as each other.</summary>
    public void Add(long nanoseconds, int calls)
    {
        ulong last = (ulong)Math.Max(1, nanoseconds) - 1; // what takes as long as a range's end is in it
        int power = BitOperations.Log2(last);
        int range = power < FirstPower ? 0
            : 1 + ((power - FirstPower) * Parts) + (int)(last >> (power - PartsPower)) - Parts;
        _calls[Math.Min(range, _calls.Length - 1)] += calls;
    }

    /// <summary>In how many nanoseconds so many of a hundred calls were done.</summary>
    public long Percentile(double percent)
    {
        long wanted = Math.Max(1, (long)Math.Ceiling(percent / 100 * _calls.Sum()));
        int range = 0;
        for (long calls = _calls[0]; calls < wanted && range < _calls.Length - 1; calls += _calls[range])
        {
            range++;
        }

        return EndOf(range);
    }

    /// <summary>For each power of two that has calls: up to how many microseconds they took, and how many took so long
    /// or less.</summary>
    public IReadOnlyList<(long Microseconds, long Calls)> ByPowers()
    {
        List<(long, long)> found = [];
        long calls = 0;
        for (int power = 0; power <= Powers; power++)
        {
            long before = calls;
            int first = power == 0 ? 0 : 1 + ((power - 1) * Parts);
            calls += _calls.AsSpan(first, power == 0 ? 1 : Parts).ToArray().Sum();
            if (calls > before)
            {
                long nanoseconds = 1L << (FirstPower + power);
                found.Add(((nanoseconds + (nanoseconds / Steps) - 1) / 1000, calls));
            }
        }

        return found;
    }

    private static long EndOf(int range)
    {
        int part = (range - 1) % Parts;
        int power = FirstPower + ((range - 1) / Parts);
        return range == 0 ? 1L << FirstPower : (long)(Parts + part + 1) << (power - PartsPower);
    }
}
