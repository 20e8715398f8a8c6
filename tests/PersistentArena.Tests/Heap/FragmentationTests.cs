using System.Buffers.Binary;

namespace GuestMemFs.Tests.Heap;

/// <summary>
/// Churn whose sizes shift: what a heap takes stays within a bound of what lives in it. Measured: 1.4 while sizes stay
/// (index included), 2.2 after seven shifts of the sizes by orders of magnitude, with as much written three times over
/// after each. There is room here, so nothing is moved: the old sizes' slabs and the new ones' exist side by side for a
/// while.
/// </summary>
public sealed class FragmentationTests(ITestOutputHelper output)
{
    [Fact]
    [Trait("speed", "slow")]
    public void A_heap_under_shifting_churn_takes_at_most_two_and_a_half_times_what_lived()
    {
        using PlainSpace space = new(256 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(heap, "keys");
        const long Live = 48 << 20;
        Random random = new(11);
        Queue<(long Key, int Size)> present = new();
        long live = 0, most = 0, next = 0;
        Span<byte> key = stackalloc byte[8];
        byte[] value = new byte[40_000];
        foreach ((int from, int to) in new[] { (10, 60), (100, 300), (10, 20), (500, 4_000), (60, 120), (5_000, 40_000),
            (10, 40_000) })
        {
            for (long written = 0; written < 3 * Live;)
            {
                int size = random.Next(from, to);
                BinaryPrimitives.WriteInt64LittleEndian(key, next);
                dictionary.Set(key, value.AsSpan(0, size));
                present.Enqueue((next++, size));
                written += size + 32;
                live += size + 32;
                most = Math.Max(most, live);
                while (live > Live)
                {
                    (long old, int oldSize) = present.Dequeue();
                    BinaryPrimitives.WriteInt64LittleEndian(key, old);
                    Assert.True(dictionary.Remove(key));
                    live -= oldSize + 32;
                }
            }

            output.WriteLine($"{from} to {to} bytes: {heap.GetStatistics().Frontier / (double)most:F2} of the " +
                "most that lived");
        }

        Assert.True(heap.GetStatistics().Frontier < 2.5 * most,
            $"{heap.GetStatistics().Frontier} bytes for {most} alive");
    }
}
