namespace GuestMemFs.Tests.Collections;

public sealed class BitmapTests
{
    [Fact]
    public void Random_bits_equal_a_plain_set_over_a_crash()
    {
        using PlainSpace space = new(16 << 20);
        PersistentBitmap bitmap = Open(space);
        SortedSet<long> model = [];
        Random random = new(25);
        for (int i = 0; i < 6_000; i++)
        {
            long index = (random.Next(4) * 1_000_000L) + random.Next(10_000);
            bool value = random.Next(3) > 0;
            Assert.Equal(model.Contains(index), bitmap.Set(index, value));
            _ = value ? model.Add(index) : model.Remove(index);
            Assert.Equal(value, bitmap.Get(index));
        }

        using PlainSpace after = space.Crash();
        bitmap = Open(after);
        Assert.Equal(model.Count, bitmap.Count());
        Assert.Equal(model, Bits(bitmap));
        for (int i = 0; i < 500; i++)
        {
            long from = random.Next(3_100_000);
            long to = from + random.Next(3_100_000);
            Assert.Equal(model.Count(bit => bit >= from && bit < to), bitmap.Count(from, to));
            Assert.Equal(0, bitmap.Count(to, from));
        }
    }

    [Fact]
    public void A_stretch_without_a_set_bit_takes_no_memory()
    {
        using PlainSpace space = new(8 << 20);
        PersistentBitmap bitmap = Open(space);

        Assert.False(bitmap.Set(5, false));
        Assert.Equal(0, bitmap.RecordBytes);
        bitmap.Set(long.MaxValue - 1, true);
        bitmap.Set(8_063, true);
        bitmap.Set(8_064, true);
        Assert.Equal([8_063, 8_064, long.MaxValue - 1], Bits(bitmap));
        Assert.Equal((3, 2), (bitmap.Count(), bitmap.Count(8_064)));
        foreach (long bit in Bits(bitmap))
        {
            Assert.True(bitmap.Set(bit, false));
        }

        Assert.Equal((0, 0), (bitmap.RecordBytes, bitmap.Count()));
        Assert.False(bitmap.TryGetNext(0, out _));
    }

    private static PersistentBitmap Open(PlainSpace space) =>
        PersistentBitmap.OpenOrCreate(PersistentHeap.Open(space), "bits");

    private static List<long> Bits(PersistentBitmap bitmap)
    {
        List<long> bits = [];
        for (long from = 0; bitmap.TryGetNext(from, out long bit); from = bit + 1)
        {
            bits.Add(bit);
        }

        return bits;
    }
}
