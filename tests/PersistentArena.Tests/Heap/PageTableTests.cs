using GuestMemFs.Heap;

namespace GuestMemFs.Tests.Heap;

/// <summary>What descriptors of pages say, over random slabs and runs, and where they do not fit.</summary>
public sealed unsafe class PageTableTests
{
    private const int Pages = 60;

    [Fact]
    public void Slabs_and_runs_are_found_from_each_of_their_pages()
    {
        Random random = new(5);
        for (int round = 0; round < 40; round++)
        {
            using PlainSpace space = new(8 << 20);
            PageTable table = new(space);
            List<(long Page, PageDescriptor Unit)> units = Fill(table, random);
            long frontier = units[^1].Page + units[^1].Unit.Count;

            Assert.Equal(units, table.Units(frontier));
            foreach ((long page, PageDescriptor unit) in units)
            {
                long end = page + unit.Count;
                Assert.Equal(unit, table.First(page, end));
                Assert.Equal(unit, table.First(page, end + 1));
                RequireDamage(() => table.First(page, end - 1));
                for (long inner = page + 1; inner < end && unit.Kind == PageKind.Slab; inner++)
                {
                    Assert.Equal(page, table.StartOf(inner, out PageDescriptor found));
                    Assert.Equal(unit, found);
                    Assert.Equal(PageDescriptor.Continuation(inner - page), table[inner]);
                    RequireDamage(() => table.First(inner, frontier + Pages));
                }

                Assert.Equal(page, table.StartOf(page, out PageDescriptor own));
                Assert.Equal(unit, own);
            }
        }
    }

    [Fact]
    public void A_descriptor_is_its_pages_own_and_each_of_its_bits_is_checked()
    {
        foreach (PageDescriptor descriptor in (PageDescriptor[])[PageDescriptor.Run(1), PageDescriptor.Run(65_535),
            PageDescriptor.Slab(0, 1), PageDescriptor.Slab(SizeClasses.Count - 1, 16), PageDescriptor.Continuation(7)])
        {
            ulong word = descriptor.Encode(100);
            Assert.True(PageDescriptor.TryDecode(word, 100, out PageDescriptor found));
            Assert.Equal(descriptor, found);
            Assert.False(PageDescriptor.TryDecode(word, 101, out _));
            for (int bit = 0; bit < 64; bit++)
            {
                Assert.False(PageDescriptor.TryDecode(word ^ (1UL << bit), 100, out _));
            }
        }
    }

    [Theory]
    [InlineData(0, 0, 1)]
    [InlineData(4, 0, 1)]
    [InlineData((byte)PageKind.Run, 0, 0)]
    [InlineData((byte)PageKind.Slab, 255, 1)]
    public void What_no_page_is_does_not_decode_though_its_check_fits(byte kind, int sizeClass, long count) =>
        Assert.False(PageDescriptor.TryDecode(
            new PageDescriptor((PageKind)kind, sizeClass, count).Encode(3), 3, out _));

    [Fact]
    public void Size_classes_end_before_the_first_that_does_not_decode()
    {
        for (int sizeClass = 0; sizeClass < 256; sizeClass++)
        {
            PageDescriptor slab = PageDescriptor.Slab(sizeClass, 1);
            Assert.Equal(sizeClass < SizeClasses.Count, PageDescriptor.TryDecode(slab.Encode(9), 9, out _));
        }
    }

    private static List<(long Page, PageDescriptor Unit)> Fill(PageTable table, Random random)
    {
        List<(long, PageDescriptor)> units = [];
        for (long page = HeapFormat.FirstPage; page < HeapFormat.FirstPage + Pages;)
        {
            int count = random.Next(1, 6);
            PageDescriptor unit = random.Next(2) == 0 ? PageDescriptor.Run(count)
                : PageDescriptor.Slab(random.Next(SizeClasses.Count), count);
            for (int i = 1; i < count && unit.Kind == PageKind.Slab; i++)
            {
                table.Store(page + i, PageDescriptor.Continuation(i));
            }

            table.Publish(page, unit);
            units.Add((page, unit));
            page += count;
        }

        return units;
    }

    private static void RequireDamage(Action action) => Assert.Throws<HeapDamagedException>(action);
}
