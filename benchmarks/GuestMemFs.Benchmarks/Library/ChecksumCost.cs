using System.Globalization;
using System.Runtime.InteropServices;

namespace GuestMemFs.Benchmarks.Library;

/// <summary>
/// What checksums of values cost: processor time of gets and sets of a dictionary with them and of one without, side by
/// side in one heap. The two take turns; the least of the turns counts, since others use the machine.
/// </summary>
internal static partial class ChecksumCost
{
    private const int Turns = 25;
    private const int ThreadTime = 3; // CLOCK_THREAD_CPUTIME_ID
    private const long BytesATurn = 64L << 20;
    private const int Keys = 1_000;

    private static readonly int[] s_sizes = [16, 100, 1_000, 10_000, 100_000];

    public static void Run(TextWriter output)
    {
        output.WriteLine("| | value, bytes | without, ns | with, ns | with / without |");
        output.WriteLine("| --- | ---: | ---: | ---: | ---: |");
        using var arena = new ArenaFixture(0, 4_000_000);
        foreach (int size in s_sizes)
        {
            int keys = Math.Min(Keys, (int)(BytesATurn / size));
            PersistentDictionary without = Open(arena, $"without {size}", checksums: false);
            PersistentDictionary with = Open(arena, $"with {size}", checksums: true);
            byte[] value = new byte[size];
            int operations = (int)Math.Min(200_000, BytesATurn / size);
            Row("set", size, turn => Turn(turn, (d, key) => d.Set(key, value)), output);
            Row("get", size, turn => Turn(turn, (d, key) => Get(d, key, value)), output);
            Row("increment", size, turn => Turn(turn, (d, _) => d.Increment("n"u8)), output);
            without.Clear();
            with.Clear();

            double Turn(bool checksums, Action<PersistentDictionary, byte[]> run)
            {
                PersistentDictionary dictionary = checksums ? with : without;
                byte[] key = new byte[16];
                long start = Now();
                for (int i = 0; i < operations; i++)
                {
                    BitConverter.TryWriteBytes(key, i * 7 % keys);
                    run(dictionary, key);
                }

                return (double)(Now() - start) / operations;
            }
        }
    }

    private static void Row(string what, int size, Func<bool, double> turn, TextWriter output)
    {
        double without = double.MaxValue, with = double.MaxValue;
        for (int i = 0; i < Turns; i++)
        {
            without = Math.Min(without, turn(false));
            with = Math.Min(with, turn(true));
        }

        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"| {what} | {size:N0} | {without:N0} | {with:N0} | {with / without:F2} |"));
    }

    private static PersistentDictionary Open(ArenaFixture arena, string name, bool checksums) =>
        PersistentDictionary.OpenOrCreate(
            arena.Heap, name, new PersistentDictionaryOptions { Checksums = checksums });

    private static void Get(PersistentDictionary dictionary, byte[] key, byte[] to)
    {
        var copy = new CopyTo(to);
        if (!dictionary.TryRead(key, ref copy))
        {
            throw new InvalidOperationException("A key that was set is not there.");
        }
    }

    private static long Now()
    {
        if (GetTime(ThreadTime, out Time time) != 0)
        {
            throw new InvalidOperationException("The thread's processor time cannot be told.");
        }

        return (time.Seconds * 1_000_000_000) + time.Nanoseconds;
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, out Time time);

    private struct Time
    {
        public long Seconds;
        public long Nanoseconds;
    }

    private readonly struct CopyTo(byte[] to) : IRecordReader
    {
        public void Read(in RecordView record) => record.Value.CopyTo(to);
    }
}
