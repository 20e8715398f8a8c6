using System.Globalization;
using System.Text;
using KvStore.Commands;

namespace KvStore.Tests.Commands;

/// <summary>A HyperLogLog without a server: how near its counts are, and that both forms are the same set.</summary>
public sealed class HyperLogLogTests
{
    private const long NoLimit = int.MaxValue;

    [Theory]
    [InlineData(100)]
    [InlineData(10_000)]
    [InlineData(300_000)]
    public void A_count_is_within_three_percent(int elements)
    {
        HyperLogLog value = new();
        for (int i = 0; i < elements; i++)
        {
            Assert.True(value.TryAdd(Element(i), 3000, out _));
        }

        Assert.InRange(CountOf(value), elements * 0.97, elements * 1.03);
    }

    [Fact]
    public void Runs_and_dense_bytes_hold_the_same_registers()
    {
        HyperLogLog sparse = new();
        HyperLogLog dense = new();
        Assert.True(dense.TryMakeDense());
        for (int i = 0; i < 3_000; i++)
        {
            Assert.True(sparse.TryAdd(Element(i), NoLimit, out bool raised));
            Assert.True(dense.TryAdd(Element(i), NoLimit, out bool raisedDense));
            Assert.Equal(raisedDense, raised);
        }

        Assert.False(sparse.IsDense);
        Assert.Equal(RegistersOf(dense), RegistersOf(sparse));
        Assert.Equal(RegistersOf(sparse), RegistersOf(new HyperLogLog(sparse.ToArray())));
        Assert.True(sparse.TryMakeDense());
        Assert.Equal(RegistersOf(dense), RegistersOf(sparse));
    }

    /// <summary>Whatever a client stored: an answer or a refusal, no exception.</summary>
    [Fact]
    public void Random_bytes_are_taken_or_refused()
    {
        Random random = new(5);
        int refused = 0;
        for (int i = 0; i < 5_000; i++)
        {
            byte[] bytes = new byte[random.Next(17, 60)];
            random.NextBytes(bytes);
            "HYLL\u0001"u8.CopyTo(bytes);

            HyperLogLog value = new(bytes);
            refused += value.TryMergeInto(new byte[HyperLogLog.RegisterCount]) ? 0 : 1;
            value.TryAdd(Element(i), 30, out _);
            value.TryRaise(random.Next(HyperLogLog.RegisterCount), random.Next(1, 52), 30, out _);
        }

        Assert.InRange(refused, 1, 5_000);
    }

    private static byte[] Element(int i) =>
        Encoding.ASCII.GetBytes($"element {i.ToString(CultureInfo.InvariantCulture)}");

    private static double CountOf(HyperLogLog value) => CardinalityEstimate.Of(RegistersOf(value));

    private static byte[] RegistersOf(HyperLogLog value)
    {
        byte[] registers = new byte[HyperLogLog.RegisterCount];
        Assert.True(value.TryMergeInto(registers));
        return registers;
    }
}
