using System.Globalization;
using KvStore.Demo;

namespace GuestMemFs.Benchmarks.Library;

/// <summary>
/// What it costs that a heap zeroes what it frees: processor time of overwriting a value, and of removing and setting a
/// key, with and without.
/// </summary>
internal static class Erasure
{
    private const int Keys = 100_000;
    private const int Rounds = 9;
    private const long BytesARound = 256L << 20;

    private static readonly (string Name, Action<Heap, int> Operation)[] s_operations =
    [
        ("overwrite", Heap.Overwrite),
        ("remove and set", Heap.RemoveAndSet),
    ];

    public static void Run(TextWriter output)
    {
        output.WriteLine($"processor time, ns an operation, median of {Rounds}; random keys of {Keys}");
        foreach (int length in (int[])[100, 1_000, 10_000])
        {
            using Heap plain = new(length, erase: false);
            using Heap erasing = new(length, erase: true);
            foreach ((string name, Action<Heap, int> operation) in s_operations)
            {
                int count = (int)Math.Clamp(BytesARound / length, 50_000, 400_000);
                double[] without = new double[Rounds];
                double[] with = new double[Rounds];
                for (int i = -1; i < Rounds; i++)
                {
                    (double a, double b) = (Time(operation, plain, count), Time(operation, erasing, count));
                    if (i >= 0)
                    {
                        (without[i], with[i]) = (a, b);
                    }
                }

                (double off, double on) = (Median(without), Median(with));
                string line = string.Create(
                    CultureInfo.InvariantCulture, $"{off:N0} without, {on:N0} with, {(on / off) - 1:+0 %;-0 %}");
                output.WriteLine($"{name}, {length} bytes: {line}");
            }
        }
    }

    private static double Time(Action<Heap, int> operation, Heap heap, int count)
    {
        TimeSpan before = Environment.CpuUsage.TotalTime;
        operation(heap, count);
        return (Environment.CpuUsage.TotalTime - before).TotalNanoseconds / count;
    }

    private static double Median(double[] values) => values.Order().ElementAt(values.Length / 2);

    private sealed class Heap : IDisposable
    {
        private readonly ArenaFixture _arena;
        private readonly byte[] _value;
        private readonly Random _random = new(7);

        public Heap(int length, bool erase)
        {
            long room = (Keys * (length + 100L) / 100) + Keys;
            _arena = new ArenaFixture(Keys, room, RegionReserve.Full, new HeapOptions { Erase = erase });
            _value = new byte[length];
            for (int i = 0; i < Keys; i++)
            {
                byte[] key = new byte[Dataset.KeyLength];
                Dataset.Key(i, key);
                _arena.Dictionary.Set(key, _value);
            }
        }

        public static void Overwrite(Heap heap, int count)
        {
            Span<byte> key = stackalloc byte[Dataset.KeyLength];
            for (int i = 0; i < count; i++)
            {
                Dataset.Key(heap._random.Next(Keys), key);
                heap._arena.Dictionary.Set(key, heap._value);
            }
        }

        public static void RemoveAndSet(Heap heap, int count)
        {
            Span<byte> key = stackalloc byte[Dataset.KeyLength];
            for (int i = 0; i < count; i++)
            {
                Dataset.Key(heap._random.Next(Keys), key);
                heap._arena.Dictionary.Remove(key);
                heap._arena.Dictionary.Set(key, heap._value);
            }
        }

        public void Dispose() => _arena.Dispose();
    }
}
